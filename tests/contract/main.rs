//! What every target kind must do, whatever it talks to. A further kind is one more file here and one more line below.

mod azure_monitor;
mod cases;
mod elasticsearch;
mod file;
mod http;
mod kafka;
mod splunk_hec;
mod stage;
#[path = "../support/http_peer/mod.rs"]
#[expect(dead_code, reason = "other tests of the HTTP kinds use the rest")]
mod http_peer;

#[path = "../support/kafka_broker/message.rs"]
#[expect(dead_code, reason = "tests of the kind use the rest")]
mod kafka_message;
#[path = "../support/kafka_mock/mod.rs"]
mod kafka_mock;

use std::collections::BTreeSet;

use cases::{CASES, Case, Kind};
use hub2siem::cli::schema::{SchemaOf, schema};

/// Every target kind.
const KINDS: [Kind; 6] = [
    splunk_hec::KIND,
    http::KIND,
    elasticsearch::KIND,
    azure_monitor::KIND,
    kafka::KIND,
    file::KIND,
];

/// Options that every target has, whatever its kind.
const COMMON_OPTIONS: [&str; 8] = [
    "mapping",
    "route",
    "snapshots",
    "score_change_at_least",
    "on_map_error",
    "rate",
    "given_up",
    "consumer_group",
];

/// Scenario: a target kind is added to the configuration.
/// Guarantees: this fails until the kind answers for every case; a case that does not apply says why.
#[test]
fn every_target_kind_answers_for_every_case() {
    let options = schema(SchemaOf::Config)["$defs"]["Target"]["properties"].clone();
    let options = options.as_object().expect("a target has options");
    let kinds: BTreeSet<&str> = options
        .keys()
        .map(String::as_str)
        .filter(|option| !COMMON_OPTIONS.contains(option))
        .collect();
    let answering: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(
        kinds, answering,
        "target kinds of the configuration, and those here"
    );
    for kind in &KINDS {
        println!("{}", kind.name);
        for (name, case) in CASES {
            match case(kind) {
                Case::Run(_) => println!("  {name:<12} tested"),
                Case::NotApplicable(reason) => {
                    println!("  {name:<12} not applicable: {reason}");
                    assert!(
                        reason.contains(' '),
                        "{}, {name}: a reason is a sentence",
                        kind.name
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn success() {
    cases::run(&KINDS, |kind| &kind.success).await;
}

#[tokio::test]
async fn refused() {
    cases::run(&KINDS, |kind| &kind.refused).await;
}

#[tokio::test]
async fn retryable() {
    cases::run(&KINDS, |kind| &kind.retryable).await;
}

#[tokio::test]
async fn blocked() {
    cases::run(&KINDS, |kind| &kind.blocked).await;
}

#[tokio::test]
async fn oversize() {
    cases::run(&KINDS, |kind| &kind.oversize).await;
}

#[tokio::test]
async fn drain() {
    cases::run(&KINDS, |kind| &kind.drain).await;
}

#[tokio::test]
async fn redelivery() {
    cases::run(&KINDS, |kind| &kind.redelivery).await;
}
