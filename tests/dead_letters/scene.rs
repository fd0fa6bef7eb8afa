//! A hub, the files of a bridge, and the verbs on its dead letters.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Bridge, Hub, LATER, Process, TOKEN, wait_for};

/// One event; the program that sends it puts in its number.
pub const EVENT: &str = r#"{"type":"Microsoft.Security/assessments","id":"/subscriptions/5d1f0b5e-0000-4000-8000-000000000001/providers/Microsoft.Compute/virtualMachines/item-{{sequence}}/providers/Microsoft.Security/assessments/3f8a1c52-6d0b-4e7f-9a41-0b5c2d8e6f17","properties":{"displayName":"Ports should be closed","status":{"code":"Healthy"}}}"#;

/// A directory with a hub that sends into it.
pub struct Scene {
    directory: TempDir,
    _hub: Hub,
}

/// How a verb ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

impl Scene {
    /// A hub of two partitions that takes in these lines, so many times; `more` is for the hub.
    pub fn new(lines: &[&str], repeat: usize, more: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("events.jsonl");
        fs::write(&path, lines.join("\n")).expect("the directory is writable");
        let (path, repeat) = (
            path.to_str().expect("temporary paths are UTF-8"),
            repeat.to_string(),
        );
        let mut arguments = vec!["--partitions", "2", "--events", path, "--repeat", &repeat];
        arguments.extend(more);
        let hub = Hub::start(directory.path(), &arguments);
        fs::write(directory.path().join("connection"), &hub.connection_string).expect("it is writable");
        fs::write(directory.path().join("token"), TOKEN).expect("it is writable");
        Self { directory, _hub: hub }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes `<name>.yaml`: `letters` are further options of the dead letters, `targets` the section of that name.
    pub fn configure(&self, name: &str, letters: &str, targets: &str) {
        let directory = self.path().display();
        let text = format!(
            "event_hub: {{ connection_string: {{ file: {directory}/connection }}, name: defender }}
checkpoint: {{ file: {{ directory: {directory}/state }} }}
dead_letter: {{ {letters} }}
mappings_directory: {directory}/maps
grace_period: 5s
http: {{ listen: \"127.0.0.1:0\" }}
log: {{ format: json, level: info }}
targets:
{targets}"
        );
        fs::create_dir_all(self.path().join("maps")).expect("it is writable");
        fs::write(self.path().join(format!("{name}.yaml")), text).expect("it is writable");
    }

    /// The options of dead letters in the directory of the scene.
    pub fn letters(&self, more: &str) -> String {
        format!(
            "file: {{ directory: {}/dead-letters{more} }}",
            self.path().display()
        )
    }

    /// A target at this receiver, with `more` options.
    pub fn splunk(&self, name: &str, receiver: std::net::SocketAddr, more: &str) -> String {
        let directory = self.path().display();
        format!(
            "  {name}:
    splunk_hec:
      endpoints: [\"http://{receiver}\"]
      token: {{ file: {directory}/token }}
      batch: {{ records: 50, linger: 50ms }}
    mapping: native
    {more}
"
        )
    }

    pub fn bridge(&self, name: &str) -> Bridge {
        Bridge::start_file(self.path(), name)
    }

    /// Starts `dead-letters` with the configuration `<config>.yaml`; `name` is that of its files.
    pub fn start(&self, name: &str, config: &str, arguments: &[&str]) -> Process {
        let config = self.path().join(format!("{config}.yaml"));
        let mut all = vec!["dead-letters"];
        all.extend(arguments);
        all.extend(["--config", config.to_str().expect("temporary paths are UTF-8")]);
        Process::start(self.path(), name, &all, &[])
    }

    /// Runs `dead-letters` to its end.
    #[track_caller]
    pub fn run(&self, config: &str, arguments: &[&str]) -> Ended {
        let mut process = self.start("verb", config, arguments);
        let code = process.wait(LATER).code();
        Ended {
            code,
            output: fs::read_to_string(&process.output).expect("it wrote text"),
            errors: process.log_text(),
        }
    }

    /// The summary of a replay, and its exit code.
    #[track_caller]
    pub fn replay(&self, config: &str, arguments: &[&str]) -> (Value, Option<i32>) {
        let all = [&["replay", "--json"][..], arguments].concat();
        let ended = self.run(config, &all);
        (summary(&ended.output, &ended.errors), ended.code)
    }

    /// Letters in a state, by the verb.
    #[track_caller]
    pub fn list(&self, config: &str, state: &str) -> Vec<Value> {
        let ended = self.run(config, &["list", "--json", "--state", state]);
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        let lines = ended.output.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("one object a line"))
            .collect()
    }
}

/// The last line of a replay's output.
#[track_caller]
pub fn summary(output: &str, errors: &str) -> Value {
    let line = output
        .lines()
        .last()
        .unwrap_or_else(|| panic!("no summary: {errors}"));
    serde_json::from_str(line).expect("the summary is JSON")
}

/// Waits until the bridge has written so many letters.
#[track_caller]
pub fn wait_for_letters(bridge: &Bridge, letters: usize) {
    wait_for("letters of the bridge", LATER, || {
        let written = bridge.metric("hub2siem_dead_letter_records_total", &[]);
        (written >= letters as f64).then_some(())
    });
}
