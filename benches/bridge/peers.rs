//! The three processes: the program itself in its three roles.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::lines;

const TOKEN: &str = "00000000-0000-4000-8000-000000000001";
/// What a process gets to start.
const START: Duration = Duration::from_secs(30);

/// Killed when dropped.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub2siem"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Starts a process and gives its first line of standard output.
fn start(arguments: &[&str]) -> (Process, String) {
    let mut child = program(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let output = child.stdout.take().expect("it is piped");
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .expect("its output is text");
    assert!(!line.is_empty(), "`{}` ended", arguments.join(" "));
    (Process(child), line.trim().to_owned())
}

/// A hub that holds all events from the start.
pub struct Hub {
    _process: Process,
    pub connection_string: String,
}

impl Hub {
    pub fn start(file: &Path, repeat: u64, partitions: u32) -> Self {
        let (repeat, partitions) = (repeat.to_string(), partitions.to_string());
        let file = file.to_str().expect("temporary paths are UTF-8");
        let mut arguments = vec![
            "emulator",
            "event-hub",
            "--listen",
            "127.0.0.1:0",
            "--hub",
            "defender",
        ];
        arguments.extend(["--partitions", &partitions, "--events", file, "--repeat", &repeat]);
        let (process, connection_string) = start(&arguments);
        Self {
            _process: process,
            connection_string,
        }
    }
}

/// What the bridge delivers to.
#[derive(Clone, Copy)]
pub enum Target {
    /// ECS by HTTP, with gzip and acknowledgement.
    SplunkHec,
    /// CEF by TCP.
    Syslog,
    /// ECS by RELP.
    Relp,
}

/// A receiver that forgets what it took.
pub enum Receiver {
    /// With acknowledgement, in a process of its own.
    Collector { _process: Process, address: SocketAddr },
    /// In threads of this process, which is not measured.
    Lines(SocketAddr),
}

impl Receiver {
    /// Starts one; port 0 takes a free one.
    pub fn start(target: Target, port: u16) -> Self {
        match target {
            Target::SplunkHec => Self::collector(port),
            Target::Syslog => Self::Lines(lines::start(port, lines::read)),
            Target::Relp => Self::Lines(lines::start(port, lines::answer)),
        }
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Collector { address, .. } | Self::Lines(address) => *address,
        }
    }

    fn collector(port: u16) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let (process, line) = start(&[
            "emulator",
            "splunk-hec",
            "--listen",
            &listen,
            "--token",
            TOKEN,
            "--acknowledgement",
        ]);
        let address = line.rsplit(['/', ' ']).find_map(|word| word.parse().ok());
        Self::Collector {
            _process: process,
            address: address.expect("it prints its address"),
        }
    }
}

/// The bridge under measurement: one target, everything else by default.
pub struct Bridge {
    process: Process,
    http: SocketAddr,
}

impl Bridge {
    pub fn start(directory: &Path, connection_string: &str, target: Target, receiver: SocketAddr) -> Self {
        let (config, log) = (directory.join("bridge.yaml"), directory.join("bridge.log"));
        fs::write(&config, configuration(directory, target, receiver)).expect("the directory is writable");
        let config = config.to_str().expect("temporary paths are UTF-8");
        let child = program(&["run", "--config", config])
            .env("EVENT_HUB_CONNECTION_STRING", connection_string)
            .env("HEC_TOKEN", TOKEN)
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("the directory is writable"))
            .spawn()
            .expect("the program was built");
        let process = Process(child);
        let http = wait_for_address(&log);
        Self { process, http }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// Records delivered so far.
    pub fn delivered(&self) -> u64 {
        let text = get(self.http, "/metrics").expect("the bridge serves its metrics");
        let delivered = text.lines().filter(|line| {
            line.starts_with("hub2siem_deliver_records_total{") && line.contains("outcome=\"delivered\"")
        });
        delivered
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum::<f64>() as u64
    }
}

fn configuration(directory: &Path, target: Target, receiver: SocketAddr) -> String {
    let directory = directory.display();
    let target = match target {
        Target::SplunkHec => format!(
            "    splunk_hec:
      endpoints: [\"http://{receiver}\"]
      token: {{ env: HEC_TOKEN }}
      acknowledgement: required
      compression: gzip
    mapping: ecs"
        ),
        Target::Syslog => format!(
            "    syslog: {{ address: \"{receiver}\", transport: tcp }}
    mapping: cef"
        ),
        Target::Relp => format!(
            "    relp: {{ address: \"{receiver}\" }}
    mapping: ecs"
        ),
    };
    format!(
        "event_hub: {{ connection_string: {{ env: EVENT_HUB_CONNECTION_STRING }}, name: defender }}
checkpoint: {{ file: {{ directory: {directory}/state }} }}
dead_letter: {{ file: {{ directory: {directory}/dead-letters }} }}
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json }}
targets:
  soc:
{target}
"
    )
}

/// The address in the log line that says where metrics and health are.
fn wait_for_address(log: &Path) -> SocketAddr {
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        let found = text.lines().find_map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).ok()?;
            let is_it = entry["message"].as_str()?.contains("metrics and health");
            is_it.then(|| entry["address"].as_str()?.parse().ok()).flatten()
        });
        if let Some(address) = found {
            return address;
        }
        assert!(start.elapsed() < START, "the bridge did not start: {text}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
