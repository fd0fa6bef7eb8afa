//! Records that nobody takes.

use hub2siem::cli::exit::Failure;
use hub2siem::pipeline::replay::Settings;

use super::stage::{Stage, assessment, read_lines, settings, to_splunk};

/// Scenario: a range with a broken body and with records that the collector refuses.
/// Guarantees: the others arrive; each refused one is counted under its reason and listed with its place.
#[tokio::test]
async fn refused_records_are_counted_and_listed() {
    let stage = filled().await;
    let report = stage.replay(to_splunk()).await;
    assert_eq!(stage.indexed(), [0, 1, 2, 5, 6, 7]);
    let total = report.total;
    assert_eq!((total.events, total.records), (9, 9));
    assert_eq!((total.delivered, total.rejected, total.unsettled), (6, 3, 0));
    let reasons: Vec<_> = report
        .reasons
        .iter()
        .map(|(word, count)| (*word, *count))
        .collect();
    assert_eq!(reasons, [("refused", 2), ("undecodable", 1)]);
    let mut places: Vec<_> = report
        .refusals
        .iter()
        .map(|refusal| (refusal.sequence_number.0, refusal.reason.as_str()))
        .collect();
    places.sort_unstable();
    assert_eq!(places, [(3, "refused"), (4, "undecodable"), (8, "refused")]);
}

/// Scenario: the same with a file for them, twice.
/// Guarantees: the file has each as a dead letter, with the bytes as they came; a second replay appends.
#[tokio::test]
async fn refused_records_are_kept_in_a_file() {
    let stage = filled().await;
    let path = stage.path("rejected.jsonl");
    for runs in 1..=2 {
        let report = stage
            .replay(Settings {
                rejected: Some(path.clone()),
                ..to_splunk()
            })
            .await;
        assert_eq!(report.total.rejected, 3);
        let letters = read_lines(&path);
        assert_eq!(letters.len(), 3 * runs);
        let refused = letters.iter().find(|letter| letter["sequence_number"] == 8);
        let refused = refused.expect("event 8 was refused");
        assert_eq!(refused["target"], "soc");
        assert_eq!(refused["consumer_group"], "replay");
        assert!(refused["body"].is_string() || refused["rendered"].is_string());
    }
}

/// Scenario: the file for refused records is locked, or the file of the target is: the bridge writes it.
/// Guarantees: nothing is read; both are a lock of another process, as the help says.
#[tokio::test]
async fn files_of_others_are_left_alone() {
    let stage = filled().await;
    let hold = |name: &str| {
        let file = std::fs::File::create(stage.path(name)).expect("the directory is ours");
        file.lock().expect("nobody else has it");
        file
    };
    let held = hold("rejected.jsonl");
    let failure = stage
        .refused(Settings {
            rejected: Some(stage.path("rejected.jsonl")),
            ..settings()
        })
        .await;
    assert!(matches!(failure, Failure::State(_)), "{failure:?}");
    drop(held);
    let _held = hold("out.jsonl");
    let failure = stage.refused(settings()).await;
    assert!(matches!(failure, Failure::State(_)), "{failure:?}");
}

/// Nine events: 4 is no JSON, 3 and 8 are poison to the collector.
async fn filled() -> Stage {
    let stage = Stage::new(1).await;
    stage.receiver.script().poison = Some(("item-0-66".to_owned(), 6));
    stage.append(0, 3);
    stage.append_body(0, assessment(0, 66, false));
    stage.append_body(0, "{broken".to_owned());
    stage.append(0, 3);
    stage.append_body(0, assessment(0, 66, false));
    stage
}

/// Scenario: the only event of the range, which is the newest one, cannot be read.
/// Guarantees: it is counted as refused, and the replay ends.
#[tokio::test]
async fn an_unreadable_event_at_the_end_is_the_end() {
    let stage = Stage::new(1).await;
    stage.append(0, 3);
    let body = hub2siem::emulator::event_hub::Body::Encoded(bytes::Bytes::from_static(&[
        0x00, 0x53, 0x75, 0xb0, 0xff, 0xff, 0xff, 0xff,
    ]));
    stage.hub.append_at(0, body, super::stage::enqueued(3));
    let report = stage.replay(settings()).await;
    assert_eq!((report.total.events, report.total.rejected), (4, 1));
    let alone = Settings {
        scope: super::stage::scope(
            super::stage::partition("0"),
            super::stage::number(3),
            super::stage::to(3),
        ),
        ..settings()
    };
    let report = stage.replay(alone).await;
    assert_eq!((report.total.events, report.total.rejected), (1, 1));
}
