//! Decisions about real records, one after another at one target.

use super::*;
use crate::decode::decode;
use crate::event::{Event, Hub, Offset, PartitionId, SequenceNumber, Timestamp};
use crate::route::last_delivered::{Keeper, Remembering};
use crate::telemetry::Metrics;

struct Target {
    rule: SnapshotRule,
    _directory: tempfile::TempDir,
    millis: i64,
}

/// How a forwarded record ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Delivered,
    Rejected,
}

impl Target {
    fn new(score_change_at_least: Option<u32>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let soc = Remembering {
            name: "soc".into(),
            settled_until: None,
        };
        let keeper = Keeper::open(directory.path(), &[soc], 100, &Metrics::new());
        let keeper = keeper.expect("the file can be made");
        let last_delivered = keeper.target("soc").expect("it has a memory");
        Self {
            rule: SnapshotRule::ChangesOnly(ChangesOnly {
                last_delivered: Arc::clone(last_delivered),
                score_change_at_least: score_change_at_least.map(TenThousandths::new),
            }),
            _directory: directory,
            millis: 0,
        }
    }

    /// The decision about the one record of `body`, which is a millisecond newer than the one before.
    fn decide(&mut self, body: &str) -> Decision {
        self.millis += 1;
        let hub = Hub {
            namespace: "contoso.servicebus.windows.net".into(),
            name: "defender".into(),
        };
        let event = Event {
            partition: PartitionId::new("0"),
            sequence_number: SequenceNumber(self.millis),
            offset: Offset::new(""),
            enqueued_time: Timestamp::from_millis(self.millis),
            body: body.to_owned().into(),
            last_enqueued: None,
        };
        let records = decode(&hub, &event);
        assert_eq!(records.len(), 1, "one record: {body}");
        self.rule.decide(&Fingerprint::new(&records[0]))
    }

    /// `None` if it was forwarded, and then ended like this.
    fn settle(&mut self, body: &str, end: End) -> Option<Suppression> {
        match self.decide(body) {
            Decision::Suppress(reason) => Some(reason),
            Decision::Forward(None) => None,
            Decision::Forward(Some(update)) => {
                match end {
                    End::Delivered => update.delivered(),
                    End::Rejected => update.rejected(),
                }
                None
            }
        }
    }

    fn deliver(&mut self, body: &str) -> Option<Suppression> {
        self.settle(body, End::Delivered)
    }
}

fn assessment(status: &str, action: &str, is_snapshot: bool) -> String {
    format!(
        r#"{{"id":"/subscriptions/1/providers/Microsoft.Security/assessments/a","name":"a","type":"Microsoft.Security/assessments","properties":{{"status":{{"code":"{status}"}}}},"securityEventDataEnrichment":{{"action":"{action}","isSnapshot":{is_snapshot}}}}}"#
    )
}

fn streamed(status: &str) -> String {
    assessment(status, "Insert", false)
}

fn snapshot(status: &str) -> String {
    assessment(status, "Insert", true)
}

/// A control's score; `rest` are further members of `score`, `more` of `properties`.
fn control(percentage: &str, rest: &str, more: &str) -> String {
    format!(
        r#"{{"id":"/subscriptions/1/providers/Microsoft.Security/secureScores/ascScore/secureScoreControls/c","name":"c","type":"Microsoft.Security/secureScores/secureScoreControls","properties":{{"displayName":"A control","score":{{"percentage":{percentage}{rest}}}{more}}},"securityEventDataEnrichment":{{"isSnapshot":true}}}}"#
    )
}

#[test]
fn a_snapshot_of_what_was_delivered_is_suppressed() {
    let mut target = Target::new(None);
    assert_eq!(target.deliver(&snapshot("Healthy")), None, "the first one");
    assert_eq!(target.deliver(&snapshot("Healthy")), Some(Suppression::Unchanged));
    assert_eq!(target.deliver(&snapshot("Unhealthy")), None, "a change");
    assert_eq!(
        target.deliver(&streamed("Unhealthy")),
        None,
        "the stream is never suppressed"
    );
    assert_eq!(
        target.deliver(&snapshot("Unhealthy")),
        Some(Suppression::Unchanged)
    );
    assert_eq!(target.deliver(&streamed("Healthy")), None);
    assert_eq!(
        target.deliver(&snapshot("Healthy")),
        Some(Suppression::Unchanged),
        "as the stream left it"
    );
    assert_eq!(target.deliver(&snapshot("Unhealthy")), None);
}

#[test]
fn a_rejection_and_a_delete_remove_what_is_remembered() {
    let mut target = Target::new(None);
    assert_eq!(target.deliver(&streamed("Healthy")), None);
    assert_eq!(target.settle(&streamed("Healthy"), End::Rejected), None);
    assert_eq!(target.deliver(&snapshot("Healthy")), None, "after a rejection");
    assert_eq!(target.deliver(&snapshot("Healthy")), Some(Suppression::Unchanged));
    // A Delete carries the last body: the item made anew looks the same.
    assert_eq!(target.deliver(&assessment("Healthy", "Delete", false)), None);
    assert_eq!(target.deliver(&snapshot("Healthy")), None, "after a Delete");
    assert_eq!(
        target.deliver(&assessment("Healthy", "Delete", true)),
        None,
        "a Delete is never suppressed"
    );
}

/// Scenario: an update is handed over and not confirmed while a snapshot of the same item comes, of the state that is
/// remembered; then the update is confirmed.
/// Guarantees: the snapshot is forwarded; once both are delivered, the newer one is what is remembered.
#[test]
fn while_an_update_is_on_its_way_the_snapshot_is_forwarded() {
    for update in [streamed("Unhealthy"), assessment("Healthy", "Delete", false)] {
        let mut target = Target::new(None);
        assert_eq!(target.deliver(&streamed("Healthy")), None);
        let Decision::Forward(Some(update)) = target.decide(&update) else {
            panic!("a streamed record is forwarded, and remembered once it is delivered");
        };
        assert_eq!(target.deliver(&snapshot("Healthy")), None);
        update.delivered();
        assert_eq!(target.deliver(&snapshot("Healthy")), Some(Suppression::Unchanged));
    }
}

#[test]
fn what_has_no_snapshots_or_no_key_is_not_remembered() {
    let alert =
        r#"{"SystemAlertId":"x","AlertType":"VM_Test","securityEventDataEnrichment":{"isSnapshot":true}}"#;
    let keyless = r#"{"type":"Microsoft.Security/assessments","properties":{},"securityEventDataEnrichment":{"isSnapshot":true}}"#;
    for body in [alert, keyless, r#"{"id":"x","isSnapshot":true}"#] {
        let mut target = Target::new(None);
        for _ in 0..2 {
            assert!(matches!(target.decide(body), Decision::Forward(None)), "{body}");
        }
    }
}

#[test]
fn a_score_counts_from_the_least_change_on() {
    let small = Some(Suppression::SmallScoreChange);
    let same = Some(Suppression::Unchanged);
    let cases = [
        ("the same", "0.05", "0.05", same),
        ("just enough, which floats get wrong", "0.05", "0.06", None),
        ("just enough, downwards", "0.06", "0.05", None),
        ("too little", "0.05", "0.0599", small),
        (
            "too little in digits that do not count",
            "0.05",
            "0.05999999",
            small,
        ),
        ("written differently", "0.5", "5e-1", small),
        ("from none", "null", "0.05", None),
        ("to none", "0.05", "null", None),
        ("none as before", "null", "null", same),
    ];
    for (name, before, now, expected) in cases {
        let mut target = Target::new(Some(100));
        assert_eq!(target.deliver(&control(before, "", "")), None, "{name}");
        assert_eq!(target.deliver(&control(now, "", "")), expected, "{name}");
    }
}

#[test]
fn numbers_that_move_with_a_score_do_not_count_and_all_else_does() {
    let small = Some(Suppression::SmallScoreChange);
    let cases = [
        ("points", r#","current":2.1"#, "", small),
        ("weight", "", r#","weight":4"#, small),
        (
            "resources",
            "",
            r#","healthyResourceCount":9,"UnhealthyResourceCount":1"#,
            small,
        ),
        ("the most it can reach", r#","max":6"#, "", None),
        ("anything unknown", "", r#","environment":"Aws""#, None),
        (
            "a score elsewhere",
            "",
            r#","definition":{"score":{"current":1}}"#,
            None,
        ),
    ];
    for (name, rest, more, expected) in cases {
        let mut target = Target::new(Some(100));
        assert_eq!(target.deliver(&control("0.05", "", "")), None, "{name}");
        assert_eq!(target.deliver(&control("0.05", rest, more)), expected, "{name}");
        let mut exact = Target::new(None);
        assert_eq!(exact.deliver(&control("0.05", "", "")), None, "{name}");
        assert_eq!(
            exact.deliver(&control("0.05", rest, more)),
            None,
            "{name}, where every change counts"
        );
    }
}

/// Scenario: a score creeps by less than counts, week after week.
/// Guarantees: the distance is measured from what was last delivered, so the change arrives once it has added up.
#[test]
fn a_creeping_score_arrives() {
    let mut target = Target::new(Some(100));
    assert_eq!(target.deliver(&control("0.5000", "", "")), None);
    for percentage in ["0.5040", "0.5080", "0.5099"] {
        let reason = target.deliver(&control(percentage, "", ""));
        assert_eq!(reason, Some(Suppression::SmallScoreChange), "{percentage}");
    }
    assert_eq!(target.deliver(&control("0.5100", "", "")), None);
    assert_eq!(
        target.deliver(&control("0.5050", "", "")),
        Some(Suppression::SmallScoreChange)
    );
}

#[test]
fn the_other_rules_do_not_compare() {
    for (rule, expected) in [
        (SnapshotRule::Pass, None),
        (SnapshotRule::Drop, Some(Suppression::Dropped)),
    ] {
        let mut target = Target {
            rule,
            ..Target::new(None)
        };
        for _ in 0..2 {
            assert_eq!(target.deliver(&snapshot("Healthy")), expected);
            assert_eq!(target.deliver(&streamed("Healthy")), None);
        }
    }
}
