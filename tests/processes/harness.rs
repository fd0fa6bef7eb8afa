//! Processes, bounded waiting, and a client for `/readyz` and `/metrics`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// What the peers of a test get to start, and small steps get to happen. Generous: the machine may be busy.
pub const SOON: Duration = Duration::from_secs(60);
/// What the longest steps get.
pub const LATER: Duration = Duration::from_secs(180);
/// What an answer of `/readyz` and `/metrics` gets; a machine may stand still for seconds.
const ANSWER: Duration = Duration::from_secs(60);
/// Below the ports that the system gives to connections, so that none of them takes the port while nobody listens there.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// Between two looks at a state.
const LOOK: Duration = Duration::from_millis(20);
/// An alert, once for each sequence number.
pub const ALERT: &str = r#"{"VendorName":"Microsoft","AlertType":"VM_Test","SystemAlertId":"item-{{sequence}}","AlertDisplayName":"A test","Severity":"Low","Status":"New","TimeGenerated":"2025-06-01T00:00:00.000Z"}"#;
/// The token that the receiver of a test knows.
pub const TOKEN: &str = "00000000-0000-4000-8000-000000000001";

/// Looks until `look` finds something; fails the test after `limit`.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < limit, "not seen within {limit:?}: {what}");
        thread::sleep(LOOK);
    }
}

/// A port on which nobody listens until the test does.
pub fn free_port() -> u16 {
    let mut ports = (0..1_000).map(|_| rand::random_range(PORTS));
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("this machine has a free port")
}

/// A process of the program under test; killed when dropped.
pub struct Process {
    child: Child,
    name: String,
    /// Where its standard output goes.
    pub output: PathBuf,
    /// Where its standard error goes, unless to a pipe.
    pub log: PathBuf,
}

impl Process {
    /// Starts `hub2siem` with `arguments`; the names of its files in `directory` begin with `name`.
    pub fn start(directory: &Path, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = File::create(directory.join(format!("{name}.log"))).expect("the directory is writable");
        Self::launch(directory, name, arguments, environment, log.into())
    }

    /// The same with a pipe as its standard error, which the test reads or not.
    pub fn start_piped(
        directory: &Path,
        name: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> (Self, ChildStderr) {
        let mut process = Self::launch(directory, name, arguments, environment, Stdio::piped());
        let log = process.child.stderr.take().expect("it is piped");
        (process, log)
    }

    fn launch(
        directory: &Path,
        name: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        log_to: Stdio,
    ) -> Self {
        let output = directory.join(format!("{name}.out"));
        let log = directory.join(format!("{name}.log"));
        let child = Command::new(env!("CARGO_BIN_EXE_hub2siem"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&output).expect("the directory is writable"))
            .stderr(log_to)
            .spawn()
            .expect("the program was built");
        Self {
            child,
            name: name.to_owned(),
            output,
            log,
        }
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    /// Sends a signal by its short name, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        let command = format!("kill -{signal} {}", self.child.id());
        let status = Command::new("sh")
            .args(["-c", &command])
            .status()
            .expect("there is a shell");
        assert!(status.success(), "{command}");
    }

    /// Waits until the process ended by itself.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("end of {}", self.name);
        wait_for(&what, limit, || {
            self.child.try_wait().expect("the process is ours")
        })
    }

    /// Asks for a clean end and expects it.
    #[track_caller]
    pub fn stop(mut self) {
        self.signal("TERM");
        let status = self.wait(SOON);
        assert_eq!(
            status.code(),
            Some(0),
            "{} after SIGTERM: {}",
            self.name,
            self.log_text()
        );
    }

    /// Its resident memory.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line
            .and_then(|line| line.split_whitespace().next())
            .expect("Linux says it");
        number.parse().expect("it is a number")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the process is ours").is_none()
    }

    /// What it wrote to standard error so far.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The first line of standard output that `find` accepts.
    #[track_caller]
    fn announced<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        wait_for(what, SOON, || {
            let running = self.is_running();
            let text = fs::read_to_string(&self.output).unwrap_or_default();
            let found = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .find_map(&find);
            assert!(
                found.is_some() || running,
                "{} ended: {}",
                self.name,
                self.log_text()
            );
            found
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let text = self.log_text();
            let tail = text.len().saturating_sub(4000);
            let tail = (tail..text.len())
                .find(|index| text.is_char_boundary(*index))
                .unwrap_or(text.len());
            eprintln!("--- end of the log of {}:\n{}", self.name, &text[tail..]);
        }
    }
}

/// An emulated event hub.
pub struct Hub {
    _process: Process,
    pub connection_string: String,
}

impl Hub {
    /// Starts one with `arguments` beside the address and the name.
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut all = vec![
            "emulator",
            "event-hub",
            "--listen",
            "127.0.0.1:0",
            "--hub",
            "defender",
        ];
        all.extend(arguments);
        let mut process = Process::start(directory, "hub", &all, &[]);
        let connection_string = process.announced("connection string of the hub", |line| {
            line.contains("Endpoint=sb://").then(|| line.trim().to_owned())
        });
        Self {
            _process: process,
            connection_string,
        }
    }

    /// Starts one that holds `lines` from the start, `repeat` times over, spread over its partitions.
    pub fn of(directory: &Path, lines: &[impl AsRef<str>], partitions: usize, repeat: usize) -> Self {
        let path = directory.join("items.jsonl");
        let text: String = lines.iter().map(|line| format!("{}\n", line.as_ref())).collect();
        fs::write(&path, text).expect("the directory is writable");
        let path = path.to_str().expect("temporary paths are UTF-8");
        let (partitions, repeat) = (partitions.to_string(), repeat.to_string());
        Self::start(
            directory,
            &["--partitions", &partitions, "--events", path, "--repeat", &repeat],
        )
    }
}

/// An emulated HTTP Event Collector with acknowledgement.
pub struct Receiver {
    pub process: Process,
    pub address: SocketAddr,
    /// What it took in, one event a line.
    pub events: PathBuf,
}

impl Receiver {
    /// Starts one that knows `token` and writes to `<name>.jsonl`; port 0 takes a free one.
    pub fn start(directory: &Path, name: &str, port: u16, token: &str) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let events = directory.join(format!("{name}.jsonl"));
        let path = events.to_str().expect("temporary paths are UTF-8");
        let mut arguments = vec!["emulator", "splunk-hec", "--listen", &listen, "--token", token];
        arguments.extend(["--acknowledgement", "--output", path]);
        let mut process = Process::start(directory, name, &arguments, &[]);
        let address = process.announced("address of the receiver", |line| {
            let start = line.find("127.0.0.1:")?;
            let rest = &line[start..];
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
                .unwrap_or(rest.len());
            rest[..end].parse().ok()
        });
        Self {
            process,
            address,
            events,
        }
    }

    /// Waits until it is done with every connection, and so with all that was sent to it.
    #[track_caller]
    pub fn wait_until_alone(&self) {
        let port = format!(":{:04X}", self.address.port());
        // Listening, and closed by both.
        let is_connection = |state: &str| state != "0A" && state != "06";
        wait_for("end of every connection to the receiver", SOON, || {
            let table = fs::read_to_string("/proc/net/tcp").expect("Linux has it");
            let is_there = table.lines().any(|line| {
                let mut columns = line.split_whitespace().skip(1);
                let [local, _, state] = [columns.next(), columns.next(), columns.next()];
                local.is_some_and(|local| local.ends_with(&port)) && state.is_some_and(is_connection)
            });
            (!is_there).then_some(())
        });
    }
}

/// What a bridge is configured with; the rest is as small as it can be.
pub struct Settings<'a> {
    pub connection_string: &'a str,
    pub receiver: SocketAddr,
    pub token: &'a str,
    pub mapping: &'a str,
    pub window_events: u32,
    pub grace_period: &'a str,
    pub acknowledgement_timeout: &'a str,
}

impl<'a> Settings<'a> {
    /// A window of the default size, 20 s to drain, patience with acknowledgements, mapped to ECS.
    pub fn new(connection_string: &'a str, receiver: SocketAddr) -> Self {
        Self {
            connection_string,
            receiver,
            token: TOKEN,
            mapping: "ecs",
            window_events: 50_000,
            grace_period: "20s",
            acknowledgement_timeout: "120s",
        }
    }
}

/// A running bridge.
pub struct Bridge {
    pub process: Process,
    /// Where `/readyz` and `/metrics` are.
    pub http: SocketAddr,
}

impl Bridge {
    /// Starts one and waits until it serves its health. State and dead letters are in `directory`.
    #[track_caller]
    pub fn start(directory: &Path, name: &str, settings: &Settings<'_>) -> Self {
        Self::serving(name, Self::spawn(directory, name, settings))
    }

    /// Starts one with the configuration file `<name>.yaml`, whose secrets are in files, and waits likewise.
    #[track_caller]
    pub fn start_file(directory: &Path, name: &str) -> Self {
        Self::start_file_with(directory, name, &[])
    }

    /// The same, with variables of its environment.
    #[track_caller]
    pub fn start_file_with(directory: &Path, name: &str, environment: &[(&str, &str)]) -> Self {
        let path = directory.join(format!("{name}.yaml"));
        let path = path.to_str().expect("temporary paths are UTF-8");
        Self::serving(
            name,
            Process::start(directory, name, &["run", "--config", path], environment),
        )
    }

    #[track_caller]
    fn serving(name: &str, mut process: Process) -> Self {
        let http = wait_for("address of the bridge's health", SOON, || {
            let running = process.is_running();
            let found = process.log_text().lines().find_map(http_address);
            assert!(found.is_some() || running, "{name} ended: {}", process.log_text());
            found
        });
        Self { process, http }
    }

    /// Starts one that may end at once.
    pub fn spawn(directory: &Path, name: &str, settings: &Settings<'_>) -> Process {
        let path = directory.join(format!("{name}.yaml"));
        fs::write(&path, configuration(directory, settings)).expect("the directory is writable");
        let path = path.to_str().expect("temporary paths are UTF-8");
        let environment = [
            ("EVENT_HUB_CONNECTION_STRING", settings.connection_string),
            ("HEC_TOKEN", settings.token),
        ];
        Process::start(directory, name, &["run", "--config", path], &environment)
    }

    /// Status and body of `/readyz`; `None` while it does not answer.
    pub fn ready(&self) -> Option<(u16, String)> {
        get(self.http, "/readyz")
    }

    /// Sum over all samples of a metric whose labels contain every text of `labels`; 0 if there is none.
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        self.value(name, labels).unwrap_or(0.0)
    }

    /// The same; `None` where it is not shown.
    pub fn value(&self, name: &str, labels: &[&str]) -> Option<f64> {
        sample(&self.metrics(), name, labels)
    }

    /// All metrics, as [`sample`] reads them; none while it does not answer.
    pub fn metrics(&self) -> String {
        let (_, text) = get(self.http, "/metrics").unwrap_or_default();
        text
    }
}

/// What [`Bridge::value`] says, in metrics that were asked for once.
pub fn sample(metrics: &str, name: &str, labels: &[&str]) -> Option<f64> {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label)))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .reduce(|sum, value| sum + value)
}

/// The configuration of a bridge; its state and dead letters are in `directory`.
pub fn configuration(directory: &Path, settings: &Settings<'_>) -> String {
    let directory = directory.display();
    let mut text = String::new();
    write!(
        text,
        "event_hub: {{ connection_string: {{ env: EVENT_HUB_CONNECTION_STRING }}, name: defender, retention: 7d }}
checkpoint: {{ file: {{ directory: {directory}/state }} }}
dead_letter: {{ file: {{ directory: {directory}/dead-letters }} }}
window: {{ events: {} }}
grace_period: {}
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json, level: info }}
targets:
  soc-splunk:
    splunk_hec:
      endpoints: [\"http://{}\"]
      token: {{ env: HEC_TOKEN }}
      acknowledgement: required
      acknowledgement_timeout: {}
      batch: {{ records: 100, linger: 100ms }}
    mapping: {}
",
        settings.window_events,
        settings.grace_period,
        settings.receiver,
        settings.acknowledgement_timeout,
        settings.mapping
    )
    .expect("writing to a String cannot fail");
    text
}

/// The address in the log line that says where metrics and health are.
pub fn http_address(line: &str) -> Option<SocketAddr> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let is_it = entry["message"].as_str()?.contains("metrics and health");
    is_it.then(|| entry["address"].as_str()?.parse().ok()).flatten()
}

/// Status and body of one request; `None` if there is no answer.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
