//! A hub in this process, and the program with a configuration for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hub2siem::emulator::event_hub::{Body, EventHubEmulator, Options};
use hub2siem::event::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Longest wait for anything; a test that gets here has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a state.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// When the first event of a hub was enqueued; each of the others one second after the one before.
pub const FIRST_TIME_MILLIS: i64 = 1_772_352_000_000;

/// How a process ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

/// A hub with a configuration for it, and a directory for everything.
pub struct Stage {
    pub hub: EventHubEmulator,
    pub directory: TempDir,
}

/// A running bridge; killed when dropped.
pub struct Bridge {
    child: Child,
    log: PathBuf,
}

impl Stage {
    /// A hub of two partitions with `events` events each, and a configuration with a store of files.
    pub async fn new(events: i64) -> Self {
        let hub = EventHubEmulator::start(Options::new("Defender", 2))
            .await
            .expect("a port is free");
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let stage = Self { hub, directory };
        stage.append(events);
        stage.write("connection", &stage.hub.connection_string());
        stage.configure("hub2siem.yaml", "file: { directory: ./state }");
        stage
    }

    /// Appends `events` events to each partition.
    pub fn append(&self, events: i64) {
        for partition in [0, 1] {
            let next = self.hub.last_sequence_number(partition).0 + 1;
            for number in next..next + events {
                let body =
                    format!(r#"{{"SystemAlertId":"{partition}-{number}","AlertType":"x","VendorName":"y"}}"#);
                let time = Timestamp::from_millis(FIRST_TIME_MILLIS + 1000 * number);
                self.hub.append_at(partition, Body::Data(body.into()), time);
            }
        }
    }

    /// Appends an event to a partition that AMQP cannot carry.
    pub fn append_broken(&self, partition: u32) {
        let body = Body::Encoded(vec![0x00, 0x53, 0x75, 0xb0, 0xff, 0xff, 0xff, 0xff].into());
        self.hub.append(partition, body);
    }

    /// Writes a configuration with this store; its records go to `out.jsonl`.
    pub fn configure(&self, name: &str, store: &str) {
        self.write(
            name,
            &format!(
                "event_hub: {{ connection_string: {{ file: ./connection }} }}
checkpoint: {{ {store} }}
state: {{ directory: ./items }}
dead_letter: {{ file: {{ directory: ./dead }} }}
http: {{ listen: \"127.0.0.1:0\" }}
targets:
  out: {{ file: {{ path: ./out.jsonl }}, mapping: native }}
"
            ),
        );
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the directory is writable");
    }

    /// A file of the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The checkpoint of a partition in a directory, as a file.
    pub fn checkpoint(&self, state: &str, partition: &str) -> PathBuf {
        let host = format!("127.0.0.1_{}", self.hub.address().port());
        let group = self.path(state).join(host).join("defender/$default/checkpoint");
        group.join(format!("{partition}.json"))
    }

    /// Runs `hub2siem checkpoint` to its end.
    pub async fn checkpoint_verb(&self, arguments: &[&str]) -> Ended {
        self.verb(arguments, &[]).await
    }

    /// The same with variables of the environment.
    pub async fn verb(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        let mut command = self.command();
        command
            .arg("checkpoint")
            .args(arguments)
            .envs(environment.iter().copied());
        let output = timeout(PATIENCE, command.output())
            .await
            .unwrap_or_else(|_| panic!("{arguments:?} does not end"))
            .expect("the program was built");
        let text = |bytes| String::from_utf8(bytes).expect("it writes text");
        Ended {
            code: output.status.code(),
            output: text(output.stdout),
            errors: text(output.stderr),
        }
    }

    /// What `list --json` says, by partition.
    pub async fn listed(&self, config: &str) -> BTreeMap<String, Value> {
        let ended = self
            .checkpoint_verb(&["list", "--json", "--config", config])
            .await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let lines = ended.output.lines().map(|line| {
            let listed: Value = serde_json::from_str(line).expect("one object a line");
            let partition = listed["partition"].as_str().expect("it is text").to_owned();
            (partition, listed)
        });
        lines.collect()
    }

    /// The sequence numbers that `list --json` says, in the order of partitions.
    pub async fn numbers(&self, config: &str) -> Vec<(String, i64)> {
        let listed = self.listed(config).await.into_iter();
        listed
            .map(|(partition, listed)| (partition, listed["sequence_number"].as_i64().expect("a number")))
            .collect()
    }

    /// Waits until the positions of both partitions are stored.
    pub async fn stored(&self, config: &str, numbers: [i64; 2]) {
        let [first, second] = numbers;
        let expected = [("0".to_owned(), first), ("1".to_owned(), second)];
        let until = Instant::now() + PATIENCE;
        loop {
            let stored = self.numbers(config).await;
            if stored == expected {
                return;
            }
            assert!(Instant::now() < until, "{stored:?} is not {expected:?}");
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Starts a bridge with a configuration.
    pub fn bridge(&self, config: &str) -> Bridge {
        let log = self.path("bridge.log");
        let file = fs::File::create(&log).expect("the directory is writable");
        let mut command = self.command();
        let child = command
            .args(["run", "--config", config])
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the program was built");
        Bridge { child, log }
    }

    /// Partition and sequence number of everything that was delivered, in the order of partitions.
    pub fn delivered(&self) -> Vec<(String, i64)> {
        let text = fs::read_to_string(self.path("out.jsonl")).unwrap_or_default();
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let places = complete.lines().map(|line| {
            let record: Value = serde_json::from_str(line).expect("a record is JSON");
            let partition = record["hub"]["partition"].as_str().expect("it is text");
            let number = record["hub"]["sequence_number"].as_i64().expect("a number");
            (partition.to_owned(), number)
        });
        let mut places: Vec<_> = places.collect();
        places.sort();
        places
    }

    /// Runs a bridge until it delivered `expected` and nothing else, and stops it.
    pub async fn deliver(&self, config: &str, expected: &[(&str, std::ops::Range<i64>)]) {
        let _ = fs::remove_file(self.path("out.jsonl"));
        let mut wanted: Vec<_> = expected
            .iter()
            .flat_map(|(partition, numbers)| numbers.clone().map(|number| ((*partition).to_owned(), number)))
            .collect();
        wanted.sort();
        let bridge = self.bridge(config);
        let all = || self.delivered().len() >= wanted.len();
        if !reached(all).await {
            panic!("{:?} is not {wanted:?}: {}", self.delivered(), bridge.log());
        }
        // What comes beyond that comes before the end: a stop finishes what was received.
        bridge.stop().await;
        assert_eq!(self.delivered(), wanted);
    }

    /// Everything in the directory with its content.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        collect(self.directory.path(), &mut tree);
        tree
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hub2siem"));
        command
            .current_dir(self.directory.path())
            .env_remove("HUB2SIEM_CONFIG")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

impl Bridge {
    /// Asks for a clean end, and expects it.
    pub async fn stop(mut self) {
        let id = self.child.id().expect("it runs");
        let status = std::process::Command::new("sh")
            .args(["-c", &format!("kill -TERM {id}")])
            .status()
            .expect("there is a shell");
        assert!(status.success(), "{}", self.log());
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.expect("it ends").expect("it is ours");
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Looks until `look` is true; `false` if it is not in time.
pub async fn reached(mut look: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while !look() {
        if Instant::now() > until {
            return false;
        }
        sleep(LOOK_INTERVAL).await;
    }
    true
}

/// An ended process with this code, whose output and errors contain these texts.
#[track_caller]
pub fn check(ended: &Ended, code: i32, said: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for text in said {
        assert!(
            ended.output.contains(text) || ended.errors.contains(text),
            "`{text}` is missing: {ended:?}"
        );
    }
}

fn collect(folder: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be read").path();
        match path.is_dir() {
            true => {
                collect(&path, tree);
                tree.insert(path, Vec::new());
            }
            false => {
                let content = fs::read(&path).expect("it can be read");
                tree.insert(path, content);
            }
        }
    }
}
