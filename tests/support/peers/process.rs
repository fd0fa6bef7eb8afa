//! One receiver as a process: its folder, its port, its life, and what it wrote.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::{Record, Transport};

/// Longest wait for a start, an end or records; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a state is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Below the ports that the system gives to connections, so that none of them takes the port during a restart.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A receiver that may be stopped and started again with the same configuration; ends when dropped.
pub struct Process {
    directory: TempDir,
    address: SocketAddr,
    transport: Transport,
    child: Option<Child>,
}

impl Process {
    /// A folder and a free port; nothing runs yet.
    pub fn new(transport: Transport) -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory can be made"),
            address: free_address(),
            transport,
            child: None,
        }
    }

    /// Where it listens, over every restart.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The file it writes records to, one JSON object a line.
    pub fn output(&self) -> PathBuf {
        self.path("records.jsonl")
    }

    /// Starts the program and waits until it listens.
    pub async fn start(&mut self, mut command: Command) {
        assert!(self.child.is_none(), "it runs already");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("the log can be written");
        command
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("it can be shared"))
            .stderr(log)
            .kill_on_drop(true);
        self.child = Some(command.spawn().expect("the program was unpacked"));
        let until = Instant::now() + PATIENCE;
        while !self.is_listening().await {
            let child = self.child.as_mut().expect("it was started");
            let ended = child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "it ended: {}", self.log());
            assert!(Instant::now() < until, "it does not listen: {}", self.log());
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Sends a signal by its short name, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("it runs");
        let id = child.id().expect("it runs");
        let status = std::process::Command::new("sh")
            .args(["-c", &format!("kill -{signal} {id}")])
            .status()
            .expect("there is a shell");
        assert!(status.success(), "failed to send {signal}");
    }

    /// Asks for a clean end and waits for it.
    pub async fn stop(&mut self) {
        self.signal("TERM");
        self.wait().await;
    }

    /// Ends it at once, with whatever it holds in memory.
    pub async fn kill(&mut self) {
        self.signal("KILL");
        self.wait().await;
    }

    async fn wait(&mut self) {
        let mut child = self.child.take().expect("it runs");
        if timeout(PATIENCE, child.wait()).await.is_err() {
            panic!("it did not end: {}", self.log());
        }
    }

    /// What it took so far, in its order. A line it is just writing is left out.
    pub fn records(&self) -> Vec<Record> {
        let bytes = std::fs::read(self.output()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        complete.lines().map(Record::parse).collect()
    }

    /// Waits until it took so many, and gives all it took.
    pub async fn wait_for(&self, count: usize) -> Vec<Record> {
        let until = Instant::now() + PATIENCE;
        loop {
            if lines(&self.output()) >= count {
                return self.records();
            }
            assert!(
                Instant::now() < until,
                "{} of {count} records came: {}",
                self.records().len(),
                self.log()
            );
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// What it says about itself.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.path("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    async fn is_listening(&self) -> bool {
        match self.transport {
            Transport::Udp => has_datagrams(self.address),
            // A connection without a word would be logged as an error by RELP, and is harmless.
            _ => tokio::net::TcpStream::connect(self.address).await.is_ok(),
        }
    }
}

/// Whether a program takes datagrams there. To try the address would keep it from a program that takes it just now.
fn has_datagrams(address: SocketAddr) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/udp").expect("Linux lists its sockets");
    // The bytes of 127.0.0.1 stand there in the order of this machine.
    let local = format!("0100007F:{:04X}", address.port());
    sockets
        .lines()
        .any(|line| line.split_whitespace().nth(1) == Some(&*local))
}

fn lines(path: &Path) -> usize {
    let bytes = std::fs::read(path).unwrap_or_default();
    memchr::memchr_iter(b'\n', &bytes).count()
}

/// A port that is free for TCP and for UDP, and that no socket gets which asks for any.
pub fn free_address() -> SocketAddr {
    (0..1_000)
        .map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(PORTS))))
        .find(|address| TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok())
        .expect("this machine has a free port")
}
