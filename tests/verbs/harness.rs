//! The program with its streams, and files to run it on.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// How a process ended, and what it wrote.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

/// Runs `hub2siem` in `directory`; the directory's path is `DIR` in what it wrote.
pub fn run(directory: &Path, arguments: &[&str]) -> Ended {
    run_with(directory, arguments, "")
}

/// Like [`run`], with text on standard input.
pub fn run_with(directory: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hub2siem"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("HUB2SIEM_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    let mut stdin = child.stdin.take().expect("it is piped");
    // Whoever does not read its input may be gone before it is written.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let ended = child.wait_with_output().expect("the process is ours");
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).expect("it writes text");
        text.replace(directory.to_str().expect("temporary paths are UTF-8"), "DIR")
    };
    Ended {
        code: ended.status.code(),
        output: text(ended.stdout),
        errors: text(ended.stderr),
    }
}

/// A new directory with these files.
pub fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("files stand in folders")).expect("it is writable");
        fs::write(path, text).expect("it is writable");
    }
    directory
}

/// A small map of one's own.
pub const MAP: &str = "\
format: 1
name: own/alert
revision: 1
record: alert
tables:
  severity: { Low: 21, High: 73 }
fields:
  event.kind: alert
  event.severity: { lookup: severity, key: .Severity }
  host.name: .CompromisedEntity
  tags:
    .Intent | split(\",\")
";
