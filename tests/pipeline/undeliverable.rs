//! Records that reach no target, and the dead letters that keep them.

use std::time::Duration;

use super::items::{Parcel, alert, assessment, list, single, undecodable, unknown, unreadable};
use super::plan::{Plan, TargetPlan};
use super::run::total;
use super::stage::Stage;

/// Scenario: records of an unknown type that no route of either group takes, and some that one group takes.
/// Guarantees: each that nobody takes is one dead letter, written by the group that is chosen for it; the others none.
#[tokio::test]
async fn an_unknown_record_nobody_takes_is_one_dead_letter() {
    let alerts = TargetPlan::splunk("alerts").kinds(&["alert"]);
    let own = TargetPlan::splunk("own").kinds(&["assessment"]).group("apart");
    let mut stage = Stage::open(Plan::new(1, [alerts.clone(), own.clone()])).await;
    stage.send(0, list(vec![alert(1), unknown(2), assessment(3), unknown(4)]));
    stage.settled().await;
    let letters: Vec<_> = stage.oracle.dead_letters.clone();
    assert_eq!(letters.len(), 2, "{letters:?}");
    for letter in letters {
        assert_eq!(letter.consumer_group, "$Default");
        assert_eq!(
            (letter.reason.as_str(), letter.stage.as_str()),
            ("unrouted_unknown", "route")
        );
    }
    stage.close().await;

    let taking = own.kinds(&["assessment", "unknown"]);
    let mut stage = Stage::open(Plan::new(1, [alerts, taking])).await;
    stage.send(0, single(unknown(1)));
    stage.settled().await;
    assert!(stage.oracle.dead_letters.is_empty(), "the other group takes it");
    stage.close().await;
}

/// Scenario: the same where the hub is shared with other senders.
/// Guarantees: such records are only counted, once, and the checkpoint passes them.
#[tokio::test]
async fn an_unknown_record_can_be_merely_counted() {
    let targets = [
        TargetPlan::splunk("alerts").kinds(&["alert"]),
        TargetPlan::splunk("own").kinds(&["alert"]).group("apart"),
    ];
    let mut stage = Stage::open(Plan {
        unrouted_unknown: "count",
        ..Plan::new(1, targets)
    })
    .await;
    let last = stage.send(0, list(vec![unknown(1), unknown(2)]));
    for group in stage.plan.groups() {
        stage
            .until("the checkpoint behind it", |stage| {
                stage.oracle.checkpoint(group, 0) == Some(last)
            })
            .await;
    }
    assert_eq!(stage.bridge().metrics.route_unrouted_unknown_total.get(), 2);
    assert!(stage.oracle.dead_letters.is_empty());
    stage.close().await;
}

/// Scenario: alerts without a field that the map requires, for a target that wants them dead-lettered and for one that
/// wants them as `native`.
/// Guarantees: the first gets dead letters with the record's bytes, the second the record; other kinds are not affected.
#[tokio::test]
async fn a_map_error_is_a_dead_letter_or_native() {
    const STRICT: &str = "format: 1\nname: strict/alert\nrevision: 7\nrecord: alert\noutput: json\n\
        fields:\n  event_id: $record.event_id\n  title: .NoSuchField\nrequired: [title]\n";
    let strict = TargetPlan {
        mapping: "strict",
        ..TargetPlan::splunk("refusing")
    };
    let lenient = TargetPlan {
        more: "on_map_error: native",
        mapping: "strict",
        ..TargetPlan::splunk("lenient")
    };
    let mut stage = Stage::set_up(Plan::new(1, [strict, lenient])).await;
    let folder = stage.path("mappings").join("strict");
    std::fs::create_dir(&folder).expect("the directory is ours");
    std::fs::write(folder.join("alert.yaml"), STRICT).expect("the directory is ours");
    stage.start().await;
    stage.send(0, list(vec![alert(1), assessment(2)]));
    stage.settled().await;
    assert_eq!(
        (
            stage.oracle.confirmed("refusing"),
            stage.oracle.confirmed("lenient")
        ),
        (1, 2)
    );
    let [letter] = &stage.oracle.dead_letters[..] else {
        panic!("{:?}", stage.oracle.dead_letters);
    };
    assert_eq!(
        (letter.reason.as_str(), letter.stage.as_str()),
        ("map_error", "map")
    );
    assert_eq!(
        (letter.kind.as_str(), letter.target.as_deref()),
        ("alert", Some("refusing"))
    );
    assert!(letter.body.is_some() && letter.rendered.is_none());
    // Both fall back to `native` where the set has no map or the map fails.
    for receiver in &stage.receivers {
        for envelope in receiver.emulator.envelopes() {
            stage.oracle.check_envelope(receiver.target, &envelope.bytes);
        }
    }
    let errors = &stage.bridge().metrics.map_errors_total;
    assert_eq!(
        (total(errors, &["refusing"]), total(errors, &["lenient"])),
        (1, 1)
    );
    stage.close().await;
}

/// Scenario: bodies that cannot be decoded, and events that the AMQP library refuses, until the dead letters reach
/// their limit; then the limit is raised.
/// Guarantees: intake stops, health says why, and no checkpoint passes what has no letter; afterwards everything is
/// settled.
#[tokio::test]
async fn the_limit_of_the_dead_letters_stops_intake() {
    let mut stage = Stage::open(Plan {
        window_events: 20,
        dead_letter_limit: "8KiB",
        grace_period: "500ms",
        ..Plan::new(1, [TargetPlan::splunk("soc")])
    })
    .await;
    for number in 0..40 {
        stage.send(0, undecodable(format!("x{number} {}", "x".repeat(500))));
        stage.send(0, unreadable());
        stage.send_alerts(1);
    }
    stage
        .until("a report of the limit", |stage| {
            let report = stage.bridge().readiness.report();
            report
                .problems
                .iter()
                .any(|problem| problem.contains("dead letters"))
        })
        .await;
    stage.pass(Duration::from_millis(500)).await;
    assert!(stage.bridge().readiness.held_events() <= 20);
    let received = total(&stage.bridge().metrics.eventhub_received_events_total, &[]);
    assert!(
        received < 100,
        "{received} events were received although nothing can be passed"
    );
    stage.stop().await;
    stage.plan.dead_letter_limit = "64MiB";
    stage.plan.window_events = 1000;
    stage.start().await;
    stage.settled().await;
    stage.close().await;
}

/// Scenario: among others comes an event larger than the hub says its events are.
/// Guarantees: it becomes a dead letter that names it, and what comes after it is delivered.
#[tokio::test]
async fn an_oversized_event_is_a_dead_letter() {
    let mut stage = Stage::set_up(Plan::new(1, [TargetPlan::splunk("soc")])).await;
    stage.hub.faults().advertised_message_size(Some(10_000));
    stage.send_alerts(3);
    let oversized = stage.send(
        0,
        Parcel {
            items: Vec::new(),
            is_unreadable: true,
            ..undecodable(vec![b'x'; 50_000])
        },
    );
    stage.send_alerts(3);
    stage.start().await;
    stage.settled().await;
    let [letter] = &stage.oracle.dead_letters[..] else {
        panic!("{:?}", stage.oracle.dead_letters);
    };
    assert_eq!(
        (letter.sequence_number, letter.event_id.as_deref()),
        (oversized, None)
    );
    stage.close().await;
}
