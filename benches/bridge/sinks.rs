//! Receivers of syslog and RELP that take everything and keep nothing. They run in the benchmark's own process: only the
//! bridge is measured.

use std::io::{BufRead, BufReader, BufWriter, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A receiver of syslog by TCP; it reads and forgets.
pub fn syslog() -> SocketAddr {
    listen(|mut stream| {
        let mut buffer = vec![0; 256 * 1024];
        while stream.read(&mut buffer)? > 0 {}
        Ok(())
    })
}

/// A receiver of RELP; it confirms every message, in order, as soon as nothing more is waiting to be read.
pub fn relp() -> SocketAddr {
    listen(|stream| {
        let mut answers = BufWriter::new(stream.try_clone()?);
        let mut frames = BufReader::with_capacity(256 * 1024, stream);
        let mut data = Vec::new();
        while let Some((number, command)) = frame(&mut frames, &mut data)? {
            match command.as_str() {
                "open" => {
                    let offers = "200 OK\nrelp_version=0\nrelp_software=bench\ncommands=syslog";
                    writeln!(answers, "{number} rsp {} {offers}", offers.len())?;
                }
                "close" => writeln!(answers, "{number} rsp 0\n0 serverclose 0")?,
                _ => answers.write_all(format!("{number} rsp 6 200 OK\n").as_bytes())?,
            }
            if frames.buffer().is_empty() {
                answers.flush()?;
            }
        }
        Ok(())
    })
}

/// Serves each connection in a thread until the peer ends it.
fn listen(serve: fn(TcpStream) -> Result<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The bridge is killed at the end of a case; how its connection ends says nothing.
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Number and command of the next frame; its data is read over. `None` at the end.
fn frame(frames: &mut impl BufRead, data: &mut Vec<u8>) -> Result<Option<(String, String)>> {
    let Some(number) = word(frames)? else {
        return Ok(None);
    };
    let command = word(frames)?.unwrap_or_default();
    let mut digits = String::new();
    loop {
        let mut byte = [0];
        frames.read_exact(&mut byte)?;
        match byte[0] {
            b'\n' => return Ok(Some((number, command))),
            b' ' => break,
            digit => digits.push(char::from(digit)),
        }
    }
    let length: usize = digits.parse().expect("a length in a frame is a number");
    data.resize(length + 1, 0);
    frames.read_exact(data)?;
    Ok(Some((number, command)))
}

fn word(frames: &mut impl BufRead) -> Result<Option<String>> {
    let mut word = Vec::new();
    if frames.read_until(b' ', &mut word)? == 0 {
        return Ok(None);
    }
    word.pop();
    Ok(Some(String::from_utf8(word).expect("frames begin with text")))
}
