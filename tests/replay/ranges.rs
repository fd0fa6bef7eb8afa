//! From where to where.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use hub2siem::cli::exit::Failure;
use hub2siem::event::{PartitionId, SequenceNumber};
use hub2siem::pipeline::replay::{Chosen, First, Last, PerPartition, Scope, Settings};

use super::stage::{Stage, enqueued, number, partition, scope, settings, to};

/// The numbers of no event.
const NOTHING: RangeInclusive<i64> = RangeInclusive::new(1, 0);

/// Scenario: a partition whose first five events the hub has removed, asked for ranges in every form.
/// Guarantees: exactly the events of the range arrive, each once, both ends included; what is gone is counted as far as the
/// numbers tell, and said where they do not.
#[tokio::test]
async fn exactly_the_range_arrives() {
    let stage = Stage::new(2).await;
    stage.append(0, 20);
    stage.hub.truncate(0, SequenceNumber(5));
    let time = |number| First::Time(enqueued(number));
    let between = |millis: i64| hub2siem::event::Timestamp::from_millis(enqueued(10).as_millis() + millis);
    let kept = 5..=19;
    for (first, last, expected, gone, may_begin_late) in [
        (First::Earliest, Last::Latest, kept.clone(), 0, false),
        (First::Earliest, to(7), 5..=7, 0, false),
        (number(8), to(11), 8..=11, 0, false),
        (number(8), to(8), 8..=8, 0, false),
        (number(19), Last::Latest, 19..=19, 0, false),
        (number(12), to(99), 12..=19, 0, false),
        (number(0), to(6), 5..=6, 5, false),
        (number(1), to(3), NOTHING, 3, false),
        (number(20), Last::Latest, NOTHING, 0, false),
        (time(9), Last::Time(enqueued(12)), 9..=12, 0, false),
        (time(0), Last::Time(enqueued(6)), 5..=6, 0, true),
        (time(19), Last::Latest, 19..=19, 0, false),
        (time(20), Last::Latest, NOTHING, 0, false),
        (First::Earliest, Last::Time(enqueued(3)), NOTHING, 0, false),
        (
            First::Time(between(1)),
            Last::Time(between(2999)),
            11..=12,
            0,
            false,
        ),
        (number(17), Last::Time(enqueued(99)), 17..=19, 0, false),
        (time(17), to(18), 17..=18, 0, false),
    ] {
        let asked = format!("{first} to {last}");
        let report = stage
            .replay(Settings {
                scope: scope(partition("0"), first, last),
                ..settings()
            })
            .await;
        let expected: Vec<i64> = expected.collect();
        let arrived = stage.take_file().remove("0").unwrap_or_default();
        assert_eq!(arrived, expected, "{asked}");
        assert_eq!(report.total.events, expected.len() as u64, "{asked}");
        assert_eq!(report.total.delivered, expected.len() as u64, "{asked}");
        assert_eq!(report.total.gone, gone, "{asked}");
        assert_eq!(report.partitions[0].may_begin_late, may_begin_late, "{asked}");
    }
}

/// Scenario: all partitions, of which one is empty and one was emptied; then some of them, with ends of their own.
/// Guarantees: each is read from its beginning to its end, and no other one.
#[tokio::test]
async fn each_partition_has_its_range() {
    let stage = Stage::new(4).await;
    stage.append(0, 30);
    stage.append(1, 300);
    stage.append(3, 7);
    stage.hub.truncate(3, SequenceNumber(7));
    let report = stage.replay(settings()).await;
    let all = |events| (0..events).collect::<Vec<i64>>();
    let expected = [("0".to_owned(), all(30)), ("1".to_owned(), all(300))];
    assert_eq!(stage.take_file(), BTreeMap::from(expected));
    let events: Vec<_> = report.partitions.iter().map(|it| it.figures.events).collect();
    assert_eq!(events, [30, 300, 0, 0]);

    let each = |ends: [(&'static str, i64); 2]| {
        let ends = ends.map(|(name, end)| (PartitionId::new(name), SequenceNumber(end)));
        BTreeMap::from(ends)
    };
    let ends = |ends: [(&'static str, i64); 2]| each(ends).into_iter();
    stage
        .replay(Settings {
            scope: Scope {
                partitions: Chosen::These(each([("0", 0), ("1", 0)]).into_keys().collect()),
                first: PerPartition::Each(
                    ends([("0", 28), ("1", 3)])
                        .map(|(p, n)| (p, First::Number(n)))
                        .collect(),
                ),
                last: PerPartition::Each(
                    ends([("0", 29), ("1", 5)])
                        .map(|(p, n)| (p, Last::Number(n)))
                        .collect(),
                ),
            },
            ..settings()
        })
        .await;
    let expected = [("0".to_owned(), vec![28, 29]), ("1".to_owned(), vec![3, 4, 5])];
    assert_eq!(stage.take_file(), BTreeMap::from(expected));
}

/// Scenario: events go on arriving while the range is replayed.
/// Guarantees: none of them is read, so the end is reached.
#[tokio::test]
async fn a_live_stream_does_not_make_it_endless() {
    let stage = Stage::new(1).await;
    stage.append(0, 200);
    let running = stage.start(settings()).await;
    let feed = async {
        loop {
            stage.append(0, 5);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (report, result) = tokio::select! {
        () = feed => unreachable!("it goes on for ever"),
        ended = running.end() => ended,
    };
    assert!(result.is_ok() && report.complete, "{report:?}");
    assert!(
        stage.hub.last_sequence_number(0).0 >= 200,
        "events arrived meanwhile"
    );
    assert_eq!(stage.take_file()["0"], (0..200).collect::<Vec<i64>>());
}

/// Scenario: a partition the hub does not have, an end that is missing for one it has, a target nobody knows.
/// Guarantees: refused as a wrong command line, before anything is read.
#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let stage = Stage::new(2).await;
    stage.append(0, 3);
    let one_end = PerPartition::Each([(PartitionId::new("0"), number(1))].into());
    let wrong = [
        Settings {
            scope: scope(partition("7"), First::Earliest, Last::Latest),
            ..settings()
        },
        Settings {
            scope: Scope {
                first: one_end,
                ..settings().scope
            },
            ..settings()
        },
        Settings {
            scope: scope(Chosen::All, number(1), Last::Latest),
            ..settings()
        },
        Settings {
            scope: scope(partition("0"), number(2), to(1)),
            ..settings()
        },
        Settings {
            target: "nobody".into(),
            ..settings()
        },
    ];
    for settings in wrong {
        let asked = format!("{settings:?}");
        let failure = stage.refused(settings).await;
        assert!(matches!(failure, Failure::Usage(_)), "{asked}: {failure:?}");
    }
    assert!(!stage.path("out.jsonl").exists());
}
