//! A RELP receiver that plays a script: refusals, silence, broken answers and broken sessions.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// What differs from a receiver that takes everything. It can change at any time.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// What is answered to `open` in place of the offers.
    pub open_answer: Option<String>,
    /// Lines with this text are refused by code 500.
    pub refuses: Option<String>,
    /// The connection ends without a word at a line with this text.
    pub breaks_at: Option<String>,
    /// The session ends by `serverclose` in place of the answer to the line with this position; once.
    pub closes_at: Option<usize>,
    /// This comes in place of the next answer to a line; once.
    pub garbage: Option<Vec<u8>>,
    /// Lines are read and not answered.
    pub is_silent: bool,
    /// Answers come one by one in pieces of so many bytes.
    pub piece_bytes: Option<usize>,
}

/// A line that was taken or not, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Position of its session.
    pub session: usize,
    /// Number of its frame.
    pub frame: u32,
    /// The line.
    pub text: String,
    /// Whether it was answered by code 200.
    pub is_taken: bool,
}

/// A running receiver; ends when dropped.
pub struct RelpPeer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accept: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    lines: Mutex<Vec<Line>>,
    /// How each session ended: `true` by the client's `close`.
    sessions: Mutex<Vec<bool>>,
}

impl RelpPeer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("this machine has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let accept = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _accept: AbortOnDropHandle::new(accept),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script.lock().expect("it is not poisoned")
    }

    /// Every line that came, in its order.
    pub fn lines(&self) -> Vec<Line> {
        self.shared.lines.lock().expect("it is not poisoned").clone()
    }

    /// Numbers of the records in lines that were taken, in their order.
    pub fn taken(&self) -> Vec<i64> {
        let lines = self.lines().into_iter().filter(|line| line.is_taken);
        lines.map(|line| line.number()).collect()
    }

    /// Sessions so far, and which of them ended by the client's `close`.
    pub fn sessions(&self) -> Vec<bool> {
        self.shared.sessions.lock().expect("it is not poisoned").clone()
    }
}

impl Line {
    /// The number that the stage wrote into the record.
    pub fn number(&self) -> i64 {
        let (_, rest) = self
            .text
            .split_once("\"number\":")
            .expect("the stage numbers its records");
        let digits = rest.split(|character: char| !character.is_ascii_digit()).next();
        digits
            .expect("a split has a part")
            .parse()
            .expect("it is a number")
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("a listening socket accepts");
        let number = {
            let mut sessions = shared.sessions.lock().expect("it is not poisoned");
            sessions.push(false);
            sessions.len() - 1
        };
        sessions.spawn(serve(stream, number, Arc::clone(&shared)));
    }
}

/// One session; ends by `None` wherever the client or the script ends it.
async fn serve(stream: TcpStream, session: usize, shared: Arc<Shared>) -> Option<()> {
    stream
        .set_nodelay(true)
        .expect("a connected socket takes options");
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut position = 0;
    loop {
        let (frame, command, text) = read_frame(&mut reader).await?;
        let script = shared.script.lock().expect("it is not poisoned").clone();
        let answer = match command.as_str() {
            "open" => {
                assert!(
                    text.contains("relp_version=0") && text.contains("commands=syslog"),
                    "{text}"
                );
                let offers = "200 OK\nrelp_version=0\nrelp_software=script,1\ncommands=syslog";
                script.open_answer.unwrap_or_else(|| offers.to_owned())
            }
            "close" => {
                shared.sessions.lock().expect("it is not poisoned")[session] = true;
                let end = format!("{frame} rsp 0\n0 serverclose 0\n");
                writer.write_all(end.as_bytes()).await.ok()?;
                return None;
            }
            "syslog" => {
                position += 1;
                let has = |part: &Option<String>| part.as_ref().is_some_and(|part| text.contains(part));
                let breaks = has(&script.breaks_at);
                let closes = script.closes_at == Some(position - 1);
                let is_refused = has(&script.refuses);
                let is_taken =
                    !(breaks || closes || is_refused || script.is_silent || script.garbage.is_some());
                shared.lines.lock().expect("it is not poisoned").push(Line {
                    session,
                    frame,
                    text,
                    is_taken,
                });
                if breaks {
                    return None;
                }
                if closes {
                    shared.script.lock().expect("it is not poisoned").closes_at = None;
                    writer.write_all(b"0 serverclose 0\n").await.ok()?;
                    return None;
                }
                if script.is_silent {
                    continue;
                }
                if let Some(garbage) = script.garbage {
                    shared.script.lock().expect("it is not poisoned").garbage = None;
                    writer.write_all(&garbage).await.ok()?;
                    continue;
                }
                let answer = if is_refused { "500 not this one" } else { "200 OK" };
                answer.to_owned()
            }
            other => panic!("no client sends `{other}`"),
        };
        let answer = format!("{frame} rsp {} {answer}\n", answer.len());
        let piece_bytes = script.piece_bytes.unwrap_or(answer.len());
        for piece in answer.as_bytes().chunks(piece_bytes) {
            writer.write_all(piece).await.ok()?;
            tokio::task::yield_now().await;
        }
    }
}

/// Number, command and data of a frame, read strictly.
async fn read_frame(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Option<(u32, String, String)> {
    let frame = word(reader, b' ').await?.parse().expect("a frame has a number");
    let command = word(reader, b' ').await?;
    // Without data, the line end follows the length.
    if command == "close" {
        assert_eq!(word(reader, b'\n').await?, "0");
        return Some((frame, command, String::new()));
    }
    let length: usize = word(reader, b' ').await?.parse().expect("a frame has a length");
    let mut data = vec![0; length + 1];
    reader.read_exact(&mut data).await.ok()?;
    assert_eq!(data.pop(), Some(b'\n'), "a frame ends where its length says");
    Some((frame, command, String::from_utf8(data).expect("it is text")))
}

async fn word(reader: &mut (impl AsyncBufReadExt + Unpin), end: u8) -> Option<String> {
    let mut bytes = Vec::new();
    reader.read_until(end, &mut bytes).await.ok()?;
    // The client may end the connection anywhere.
    (bytes.pop()? == end).then(|| String::from_utf8(bytes).expect("it is text"))
}
