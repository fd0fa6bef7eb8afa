//! CEF read by a parser that others published, `pycef` for Python.
//!
//! Known differences, which the test goes round: it undoes no escapes; a header with a backslash or an equals sign is
//! no header to it; a custom key is shown under its label.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cef_meaning;
use crate::engine::{CEF, Engine};

const PARSER: &str = "pycef==1.11";

const SCRIPT: &str =
    "import json, sys, pycef\nprint(json.dumps([pycef.parse(line) for line in json.load(sys.stdin)]))";

/// Scenario: lines with everything that is escaped in the extension, in every place. Guarantees: a published parser
/// finds the same keys and, once the escapes are undone, the same values.
#[test]
fn a_published_parser_reads_the_lines() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            eprintln!("PUBLISHED CEF PARSER NOT TRIED: {reason}");
            let skip = std::env::var("HUB2SIEM_SKIP_PYTHON").is_ok_and(|value| value == "1");
            assert!(skip, "{reason}; set HUB2SIEM_SKIP_PYTHON=1 to go on without it");
            return;
        }
    };
    let values = [
        "plain",
        "a=b c=d",
        "back\\slash\\",
        "\\",
        "two\r\nlines",
        "pipe|",
        "cs1=x \\= ^",
        "ü 漢",
        "",
        "\ttab",
    ];
    let records: Vec<Vec<String>> = (0..values.len())
        .map(|first| {
            let text = |offset: usize| values[(first + offset * 3) % values.len()].to_owned();
            vec![
                "class id".to_owned(),
                "a name".to_owned(),
                text(0),
                text(1),
                text(2),
                text(3),
            ]
        })
        .collect();
    let engine = Engine::new(CEF);
    let lines: Vec<String> = records.iter().map(|texts| engine.render(texts).0).collect();
    let read = run(&python, SCRIPT, &serde_json::json!(lines).to_string()).expect("the parser runs");
    let read: Vec<BTreeMap<String, Value>> = serde_json::from_str(&read).expect("it gives a list of objects");
    for ((texts, line), read) in records.iter().zip(&lines).zip(read) {
        let get = |key: &str| read.get(key).and_then(Value::as_str).map(unescape);
        assert_eq!(get("DeviceVendor").as_deref(), Some("Microsoft"), "{line}");
        assert_eq!(get("DeviceEventClassID").as_deref(), Some("class id"), "{line}");
        assert_eq!(get("Name").as_deref(), Some("a name"), "{line}");
        assert_eq!(get("Severity").as_deref(), Some("8"), "{line}");
        for (key, text) in [("act", 2), ("msg", 3), ("A \\= label", 4), ("eventUid", 5)] {
            let meant = cef_meaning(&texts[text], 1000, false).map(|(text, _)| text);
            assert_eq!(get(key), meant, "{key} of {line}");
        }
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.extend(match character {
            '\\' => match characters.next() {
                Some('n') => Some('\n'),
                Some('r') => Some('\r'),
                other => other,
            },
            other => Some(other),
        });
    }
    plain
}

/// A Python interpreter that has the parser, in an environment of its own below `target`.
fn python() -> Result<PathBuf, String> {
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python-cef");
    let python = environment.join("bin/python");
    if run(&python, "import pycef", "").is_ok() {
        return Ok(python);
    }
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&environment);
    output(create, "")?;
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PARSER,
    ]);
    output(install, "")?;
    Ok(python)
}

fn run(python: &Path, script: &str, input: &str) -> Result<String, String> {
    let mut command = Command::new(python);
    command.args(["-c", script]);
    output(command, input)
}

/// Runs a program to its end and gives its standard output.
fn output(mut command: Command, input: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("failed to run python: {error}");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).map_err(failed)?;
    drop(stdin);
    let output = child.wait_with_output().map_err(failed)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
