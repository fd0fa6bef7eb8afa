//! Which records, with which ids.

use hub2siem::event::{EventId, Hub, PartitionId, SequenceNumber};
use hub2siem::pipeline::replay::Settings;

use super::stage::{Stage, assessment, enqueued, settings};

/// Scenario: a range with alerts and recommendations for a target that wants alerts only; then with `--all-records`.
/// Guarantees: the route holds and what it leaves is counted as filtered; without it everything is sent.
#[tokio::test]
async fn the_route_holds_unless_told_otherwise() {
    let mut stage = Stage::new(1).await;
    stage.more = "route: { $record.kind: [alert] }";
    stage.append(0, 3);
    stage.append_body(
        0,
        r#"[{"SystemAlertId":"a","AlertType":"VM_Test","Severity":"High"},{"type":"Microsoft.Security/secureScores","id":"/s"}]"#
            .to_owned(),
    );
    stage.append_body(0, "[]".to_owned());
    let report = stage.replay(settings()).await;
    assert_eq!(stage.take_file()["0"], [3]);
    let total = report.total;
    assert_eq!((total.events, total.records), (5, 5));
    assert_eq!((total.delivered, total.filtered), (1, 4));

    let everything = Settings {
        all_records: true,
        ..settings()
    };
    let report = stage.replay(everything).await;
    assert_eq!(stage.take_file()["0"], [0, 1, 2, 3, 3]);
    assert_eq!((report.total.delivered, report.total.filtered), (5, 0));
}

/// Scenario: the same snapshot again and again, for a target that wants only changed ones; twice.
/// Guarantees: all of them are sent each time: what was last delivered is neither asked nor told. No state is made.
#[tokio::test]
async fn nothing_is_remembered_of_snapshots() {
    let mut stage = Stage::new(1).await;
    stage.more = "snapshots: changes_only";
    for _ in 0..4 {
        stage.append_body(0, assessment(0, 1, true));
    }
    for _ in 0..2 {
        let report = stage.replay(settings()).await;
        assert_eq!(report.total.delivered, 4);
        assert_eq!(stage.take_file()["0"], [0, 1, 2, 3]);
    }
    for name in ["state", "dead-letters"] {
        assert!(!stage.path(name).exists(), "a replay made `{name}`");
    }
}

/// Scenario: a target that drops snapshots. Guarantees: the rule holds unless told otherwise.
#[tokio::test]
async fn dropped_snapshots_stay_dropped() {
    let mut stage = Stage::new(1).await;
    stage.more = "snapshots: drop";
    stage.append_body(0, assessment(0, 1, true));
    stage.append_body(0, assessment(0, 1, false));
    let report = stage.replay(settings()).await;
    assert_eq!((report.total.delivered, report.total.filtered), (1, 1));
    let everything = Settings {
        all_records: true,
        ..settings()
    };
    assert_eq!(stage.replay(everything).await.total.delivered, 2);
}

/// Scenario: a range is replayed through a group that is not the bridge's.
/// Guarantees: ids depend on where an event lies alone, so a receiver knows what it has.
#[tokio::test]
async fn ids_are_those_of_the_first_delivery() {
    let stage = Stage::new(1).await;
    stage.append(0, 3);
    stage.replay(settings()).await;
    let hub = Hub {
        namespace: "127.0.0.1".into(),
        name: "defender".into(),
    };
    for (record, number) in stage.records().iter().zip(0..) {
        let id = EventId::new(
            &hub,
            &PartitionId::new("0"),
            SequenceNumber(number),
            enqueued(number),
            0,
        );
        assert_eq!(record["event_id"], id.to_string(), "event {number}");
    }
    assert_eq!(stage.records().len(), 3);
}
