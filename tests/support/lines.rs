//! What the tests of the kinds that send lines of syslog share: alerts that pass a bridge, and records of a stage that a
//! receiver took.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use hub2siem::config::Configuration;

use super::peers::Record;
use super::stage::{Account, Stage, TARGET};

/// The configuration in this file.
pub fn configuration(path: &Path) -> Configuration {
    let (configuration, _) =
        hub2siem::config::load(path).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    configuration
}

/// Waits until no file below the directory of a bridge that has ended is locked. A program that another test starts has all
/// open files of this process until it begins, and with them their locks.
pub fn wait_for_locks(directory: &Path) {
    for entry in std::fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the directory can be read").path();
        if path.is_dir() {
            wait_for_locks(&path);
            continue;
        }
        let file = File::open(path).expect("the file can be opened");
        file.lock().expect("it can be locked");
        // By hand, because this file too may be lent.
        file.unlock().expect("it is locked");
    }
}

/// An alert whose id ends with this number of three digits.
pub fn alert(number: u32) -> Vec<u8> {
    format!(
        r#"{{"SystemAlertId":"alert-{number}","AlertType":"VM_Test","AlertDisplayName":"A test","Severity":"High","TimeGenerated":"2026-06-07T08:09:10.1234567Z"}}"#
    )
    .into_bytes()
}

/// The alerts' own ids, each once.
pub fn alert_ids(records: &[Record]) -> BTreeSet<&str> {
    let messages = records.iter().map(|record| record.message.as_str());
    messages
        .map(|message| {
            let start = message.find("alert-").expect("it is there");
            &message[start..][.."alert-100".len()]
        })
        .collect()
}

/// The number that the stage wrote into a record that a receiver took.
pub fn number(record: &Record) -> i64 {
    let json: serde_json::Value = serde_json::from_str(record.message.trim())
        .unwrap_or_else(|error| panic!("{error}: {:?}", record.message));
    json["number"].as_i64().expect("the stage numbers its records")
}

/// Records sent again because a connection ended before they were confirmed.
pub fn resent(stage: &Stage) -> u64 {
    let resent = &stage.metrics.deliver_resent_records_total;
    resent.with_label_values(&[TARGET]).get()
}

impl Account {
    /// All records up to `count` are delivered.
    pub fn delivered(count: i64) -> Self {
        Self {
            delivered: (0..count).collect(),
            ..Self::default()
        }
    }
}
