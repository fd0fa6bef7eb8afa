//! What the verb `audit` says, as numbers.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What `hub2siem audit --json` says: the sum of every number by target, and the other lines.
pub struct Audited {
    /// Numbers of all days and partitions; of the events under the name ``.
    pub sums: HashMap<String, BTreeMap<String, u64>>,
    /// Texts of problems and notes.
    pub texts: Vec<String>,
    /// Whether everything adds up.
    pub balanced: bool,
    /// The exit code.
    pub code: i32,
    /// What was printed.
    pub output: String,
}

impl Audited {
    /// Runs the verb over some state directories.
    pub fn of(states: &[PathBuf]) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_hub2siem"))
            .args(["audit", "--json", "--directory"])
            .args(states)
            .output()
            .expect("the program was built");
        let text = String::from_utf8(output.stdout).expect("it is text");
        let mut audited = Audited {
            sums: HashMap::new(),
            texts: Vec::new(),
            balanced: false,
            code: output.status.code().expect("it ends by itself"),
            output: text.clone() + &String::from_utf8_lossy(&output.stderr),
        };
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("it is JSON");
            match line["type"].as_str().expect("a line has a type") {
                "note" | "problem" => audited
                    .texts
                    .push(line["text"].as_str().expect("text").to_owned()),
                "verdict" => audited.balanced = line["balanced"] == true,
                _ => {
                    let target = line["target"].as_str().unwrap_or_default();
                    let sums = audited.sums.entry(target.to_owned()).or_default();
                    for (name, value) in line.as_object().expect("it is an object") {
                        *sums.entry(name.clone()).or_default() += value.as_u64().unwrap_or_default();
                    }
                }
            }
        }
        audited
    }

    /// The sum of one number of a target, or of the events under the name ``.
    #[track_caller]
    pub fn sum(&self, target: &str, number: &str) -> u64 {
        let sums = self.sums.get(target);
        let sum = sums.and_then(|sums| sums.get(number));
        *sum.unwrap_or_else(|| panic!("no {number} of `{target}`: {}", self.output))
    }
}

/// What the verb says of the state in a test's directory.
pub fn audit(directory: &Path) -> Audited {
    Audited::of(&[directory.join("state")])
}
