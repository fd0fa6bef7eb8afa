//! Where reading starts, and what is missing there.

use hub2siem::event::{Loss, PartitionId, SequenceNumber, Timestamp};
use hub2siem::eventhub::{StartPosition, Step};

use crate::support::{append, checkpoint, client, hub, numbers, read, reader, settings, within};

#[tokio::test]
async fn starts_where_it_is_told() {
    let hub = hub(1).await;
    for second in 0..5 {
        hub.append_at(
            0,
            b"{}".to_vec(),
            Timestamp::from_millis(1_700_000_000_000 + second * 1000),
        );
    }
    let client = client(settings(&hub));
    let mut earliest = reader(&client, 0, StartPosition::Earliest);
    let (events, _) = read(&mut earliest, 3).await;
    earliest.close().await;
    let offset = events[2].offset.clone();

    let cases = [
        (StartPosition::Earliest, 0),
        (
            StartPosition::EnqueuedAfter(Timestamp::from_millis(1_700_000_001_000)),
            2,
        ),
        (StartPosition::SequenceNumber(SequenceNumber(3)), 3),
        (StartPosition::Offset(offset.clone()), 2),
        (StartPosition::After(checkpoint(2, Some(offset.as_str()))), 3),
        (StartPosition::After(checkpoint(2, Some("no offset"))), 3),
        (StartPosition::After(checkpoint(-1, Some("-1"))), 0),
    ];
    for (start, expected) in cases {
        let mut reader = reader(&client, 0, start.clone());
        let (events, _) = read(&mut reader, 1).await;
        assert_eq!(numbers(&events), [expected], "{start:?}");
        reader.close().await;
    }
}

/// Scenario: `latest` is resolved, then events arrive before the link is attached.
/// Guarantees: none of them is skipped.
#[tokio::test]
async fn latest_is_a_position_of_its_own() {
    let hub = hub(1).await;
    let client = client(settings(&hub));
    let partition = PartitionId::new("0");
    let empty = within(client.latest(&partition)).await.expect("the hub answers");
    assert_eq!(empty.sequence_number, SequenceNumber(-1));
    append(&hub, 0, 3);
    let latest = within(client.latest(&partition)).await.expect("the hub answers");
    append(&hub, 0, 2);
    for (position, expected) in [(empty, 0), (latest, 3)] {
        let mut reader = reader(&client, 0, StartPosition::After(position));
        let (events, _) = read(&mut reader, 1).await;
        assert_eq!(numbers(&events), [expected]);
        reader.close().await;
    }
}

/// Scenario: retention has passed the checkpoint, and later numbers are skipped.
/// Guarantees: both are told apart and counted exactly.
#[tokio::test]
async fn counts_what_never_came() {
    let hub = hub(1).await;
    append(&hub, 0, 10);
    hub.truncate(0, SequenceNumber(6));
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::After(checkpoint(2, None)));
    let (events, others) = read(&mut reader, 4).await;
    assert_eq!(numbers(&events), [6, 7, 8, 9]);
    assert!(
        matches!(
            others[..],
            [
                Step::Attached { .. },
                Step::Lost(Loss {
                    events: 3,
                    after: SequenceNumber(2),
                    before: SequenceNumber(6),
                    enqueued_after: None,
                    ..
                })
            ]
        ),
        "{others:?}"
    );
    hub.skip_sequence_numbers(0, 2);
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [12]);
    assert!(
        matches!(others[..], [Step::Missing { events: 2, .. }]),
        "{others:?}"
    );
    reader.close().await;
}

/// Scenario: a link is without credit for so long that retention passes it; the events are hours old.
/// Guarantees: what was removed is lost, not skipped, and told with its numbers and times.
#[tokio::test]
async fn retention_can_pass_a_link_without_credit() {
    const HOUR: i64 = 3_600_000;
    let hub = hub(1).await;
    let first = Timestamp::now().as_millis() - 9 * HOUR;
    let time = |number: i64| Timestamp::from_millis(first + number * HOUR);
    for number in 0..8 {
        hub.append_at(0, b"{}".to_vec(), time(number));
    }
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    read(&mut reader, 2).await;
    assert_eq!(reader.outstanding(), 0);
    hub.truncate(0, SequenceNumber(5));
    let (events, others) = read(&mut reader, 3).await;
    assert_eq!(numbers(&events), [5, 6, 7]);
    let expected = Loss {
        events: 3,
        after: SequenceNumber(1),
        before: SequenceNumber(5),
        enqueued_after: Some(time(1)),
        enqueued_before: time(5),
    };
    assert!(
        matches!(&others[..], [Step::Lost(loss)] if *loss == expected),
        "{others:?}"
    );
    assert_eq!(hub.statistics().attaches, 1);
    reader.close().await;
}
