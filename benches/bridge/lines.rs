//! Receivers of lines in threads of this process: they read what comes, answer it where the protocol wants that, and keep
//! nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// What one read takes at most.
const READ_BYTES: usize = 256 * 1024;

/// Listens until this process ends, and serves each connection in a thread; port 0 takes a free one.
pub fn start(port: u16, serve: fn(TcpStream) -> std::io::Result<()>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The bridge is killed at the end of a case, which may be an error here.
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads to the end.
pub fn read(mut stream: TcpStream) -> std::io::Result<()> {
    let mut chunk = vec![0; READ_BYTES];
    while stream.read(&mut chunk)? > 0 {}
    Ok(())
}

/// Answers every frame of RELP, all that came with one read by one write.
pub fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut chunk = vec![0; READ_BYTES];
    let (mut input, mut output) = (Vec::new(), Vec::new());
    loop {
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            return Ok(());
        }
        input.extend_from_slice(&chunk[..length]);
        let mut start = 0;
        while let Some((frame, taken)) = frame(&input[start..]) {
            let text = match frame.command {
                b"open" => "200 OK\nrelp_version=0\ncommands=syslog",
                b"close" => "",
                _ => "200 OK",
            };
            let number = frame.number;
            match text.len() {
                0 => writeln!(output, "{number} rsp 0")?,
                length => writeln!(output, "{number} rsp {length} {text}")?,
            }
            start += taken;
        }
        input.drain(..start);
        stream.write_all(&output)?;
        output.clear();
    }
}

struct Frame<'b> {
    number: &'b str,
    command: &'b [u8],
}

/// The first whole frame and its length.
fn frame(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let number_end = bytes.iter().position(|byte| *byte == b' ')?;
    let rest = &bytes[number_end + 1..];
    let command_end = rest.iter().position(|byte| *byte == b' ')?;
    let lengths = &rest[command_end + 1..];
    let digits = lengths.iter().position(|byte| !byte.is_ascii_digit())?;
    let text = |bytes| std::str::from_utf8(bytes).expect("a frame begins with text");
    let length: usize = text(&lengths[..digits]).parse().expect("a frame has a length");
    // The space before the data, if there are any; the line end after them.
    let header = number_end + 1 + command_end + 1 + digits;
    let taken = header + usize::from(length > 0) + length + 1;
    let frame = Frame {
        number: text(&bytes[..number_end]),
        command: &rest[..command_end],
    };
    (bytes.len() >= taken).then_some((frame, taken))
}
