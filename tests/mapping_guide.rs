//! `docs/mappings.md`: everything it shows is run.

use std::path::Path;
use std::process::Command;

use hub2siem::decode;
use hub2siem::map::function::FUNCTIONS;
use hub2siem::map::library::MappingOptions;
use hub2siem::map::salt::Salt;
use hub2siem::map::{Mappings, RecordContext};
use hub2siem::mapping_test::carrier;
use secrecy::SecretString;
use serde_json::Value;

const GUIDE: &str = include_str!("../docs/mappings.md");

/// A block of code: the words behind its fence, and its text.
type Block = (&'static str, &'static str);

/// Scenario: every part of a map in the guide with the record below it. Guarantees: it gives the result below that.
#[test]
fn every_part_gives_what_stands_below_it() {
    let blocks = blocks();
    let mut checked = 0;
    for window in blocks.windows(3) {
        let [("yaml part", part), record, result] = window else {
            continue;
        };
        assert_eq!((record.0, result.0), ("json record", "json result"), "{part}");
        let expected: Value = serde_json::from_str(result.1).expect("the result is JSON");
        assert_eq!(rendered(part, record.1), expected, "{part}");
        checked += 1;
    }
    let parts = blocks.iter().filter(|(words, _)| *words == "yaml part").count();
    assert!(checked == parts && checked > 5, "{checked} of {parts}");
}

/// Scenario: the functions the program has. Guarantees: each one stands in an example of the guide.
#[test]
fn every_function_has_an_example() {
    let parts: String = blocks()
        .iter()
        .filter(|(words, _)| *words == "yaml part")
        .map(|(_, text)| *text)
        .collect();
    for function in FUNCTIONS {
        let name = function.name;
        let is_used = [format!("| {name}\n"), format!("| {name}(")];
        assert!(is_used.iter().any(|text| parts.contains(text)), "{name}");
    }
}

/// Scenario: the files of the guide in a folder, and the commands it shows, one after another.
/// Guarantees: each ends well and prints the lines below it, in their order.
#[test]
fn every_command_prints_what_stands_below_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (words, text) in blocks() {
        if let Some(name) = words.strip_prefix("yaml map=") {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
            std::fs::write(path, text).expect("it can be written");
        }
    }
    let mut commands = 0;
    for (_, text) in blocks().into_iter().filter(|(words, _)| *words == "console") {
        for command in text.split("$ ").filter(|command| !command.is_empty()) {
            let mut lines = command.lines();
            let line = lines.next().expect("a command has a line");
            let printed = run(line, folder.path());
            let mut rest = printed.as_str();
            for expected in lines {
                let found = rest.find(expected);
                let found = found.unwrap_or_else(|| panic!("{line}: no `{expected}` in\n{printed}"));
                rest = &rest[found + expected.len()..];
            }
            commands += 1;
        }
    }
    assert!(commands > 4, "{commands} commands were run");
}

/// What a command of the guide prints, on both outputs.
fn run(line: &str, folder: &Path) -> String {
    let arguments = line
        .strip_prefix("hub2siem ")
        .expect("the guide runs this program only");
    let output = Command::new(env!("CARGO_BIN_EXE_hub2siem"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("the program runs");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).expect("it prints text");
    assert!(output.status.success(), "{line}\n{printed}");
    printed
}

/// The record in the form of a map that has `part` behind its header.
fn rendered(part: &str, record: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let map = format!("format: 1\nname: guide/part\nrevision: 1\nrecord: unknown\n{part}");
    std::fs::write(folder.path().join("part.yaml"), map).expect("a map can be written");
    let options = MappingOptions {
        directory: Some(folder.path()),
        salt: Some(Salt::new(&SecretString::from("a salt for the guide"))),
    };
    let mappings = Mappings::load_with(options).unwrap_or_else(|problems| panic!("{problems}"));
    let set = mappings.set("guide").expect("the set is there");
    let (hub, event) = carrier(record.to_owned());
    let records = decode::decode(&hub, &event);
    let mut output = Vec::new();
    set.render(&RecordContext::new(&records[0]), &mut output)
        .expect("it can be mapped");
    serde_json::from_slice(&output).expect("the output is JSON")
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = GUIDE;
    while let Some((_, after)) = rest.split_once("```") {
        let (words, after) = after.split_once('\n').expect("a fence ends its line");
        let (text, after) = after.split_once("```").expect("a block ends");
        blocks.push((words, text));
        rest = after;
    }
    blocks
}
