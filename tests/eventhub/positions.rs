//! Where reading starts, and what happens when it cannot start there.

use std::time::Duration;

use hub2siem::emulator::event_hub::{Body, Condition};
use hub2siem::event::{Loss, PartitionId, SequenceNumber, Timestamp};
use hub2siem::eventhub::{EndReason, OnInvalidCheckpoint, Position, StartPosition, Step};

use crate::support::{
    append, checkpoint, client, hub, next, numbers, read, read_until, reader, settings, within,
};

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

/// Scenario: the hub is deleted and made anew under a reader.
/// Guarantees: it is noticed at the next connection, and the new hub is read from its first event.
#[tokio::test]
async fn notices_a_hub_made_anew() {
    let hub = hub(1).await;
    append(&hub, 0, 10);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    read(&mut reader, 10).await;
    let before = reader.hub_created_at().expect("it is attached");
    hub.recreate_hub();
    append(&hub, 0, 20);
    hub.faults().drop_connections();
    let step = read_until(&mut reader, |step| matches!(step, Step::HubRecreated { .. })).await;
    assert!(matches!(step, Step::HubRecreated { created_at, .. } if created_at > before));
    let (events, others) = read(&mut reader, 20).await;
    assert_eq!(numbers(&events), (0..20).collect::<Vec<_>>());
    assert!(
        !others
            .iter()
            .any(|step| matches!(step, Step::Lost { .. } | Step::Repeated { .. }))
    );
    reader.close().await;
}

/// Scenario: a checkpoint of an earlier life of the hub, whose numbers the new hub has passed already.
/// Guarantees: only the time of its making tells, and it does.
#[tokio::test]
async fn a_checkpoint_of_another_hub_is_not_used() {
    let hub = hub(1).await;
    append(&hub, 0, 10);
    let client = client(settings(&hub));
    let position = Position {
        hub_created_at: Some(Timestamp::from_millis(1)),
        ..checkpoint(4, None)
    };
    let mut reader = reader(&client, 0, StartPosition::After(position));
    assert!(matches!(next(&mut reader, 1).await, Step::HubRecreated { .. }));
    let (events, _) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [0]);
    reader.close().await;
}

/// Scenario: another hub stands under the name, made anew or of a paired namespace: its numbers are other ones, and it has
/// events from before and after the time of the checkpoint.
/// Guarantees: each policy starts in it where it says, and nothing counts as lost.
#[tokio::test]
async fn applies_the_policy_to_another_hub() {
    for (policy, expected) in [
        (OnInvalidCheckpoint::Earliest, 0),
        (OnInvalidCheckpoint::Latest, 5),
        (OnInvalidCheckpoint::EnqueuedTime, 3),
    ] {
        let hub = hub(1).await;
        for second in 0..5 {
            hub.append_at(0, b"{}".to_vec(), Timestamp::from_millis(second * 1000));
        }
        let mut settings = settings(&hub);
        settings.on_invalid_checkpoint = policy;
        let client = client(settings);
        let position = Position {
            enqueued_time: Some(Timestamp::from_millis(3000)),
            hub_created_at: Some(Timestamp::from_millis(1)),
            ..checkpoint(1, Some("4096"))
        };
        let mut reader = reader(&client, 0, StartPosition::After(position));
        let step = next(&mut reader, 1).await;
        assert!(matches!(step, Step::HubRecreated { policy: applied, .. } if applied == policy));
        let step = read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
        let Step::Attached { resolved, .. } = step else {
            panic!("{step:?}");
        };
        assert_eq!(resolved.is_some(), policy == OnInvalidCheckpoint::Latest);
        append(&hub, 0, 1);
        let (events, others) = read(&mut reader, 1).await;
        assert_eq!(numbers(&events), [expected], "{policy:?}");
        assert!(
            !others.iter().any(|step| matches!(step, Step::Lost(_))),
            "{others:?}"
        );
        reader.close().await;
    }
}

/// Scenario: another hub stands under the name, and the policy is `fail`.
/// Guarantees: nothing is read; the reason has a class of its own, names both hubs, and is looked at again each minute.
#[tokio::test]
async fn another_hub_can_wait_for_a_decision() {
    let hub = hub(1).await;
    append(&hub, 0, 3);
    let mut settings = settings(&hub);
    settings.on_invalid_checkpoint = OnInvalidCheckpoint::Fail;
    let client = client(settings);
    let position = Position {
        hub_created_at: Some(Timestamp::from_millis(1)),
        ..checkpoint(1, None)
    };
    let mut reader = reader(&client, 0, StartPosition::After(position));
    let step = next(&mut reader, 1).await;
    let Step::Detached {
        reason,
        detail,
        retry_after,
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(
        (reason, retry_after),
        (EndReason::HubRecreated, Duration::from_secs(60))
    );
    assert!(detail.contains("1970-01-01T00:00:00.001Z"), "{detail}");
    assert_eq!(hub.statistics().attaches, 0);
    reader.close().await;
}

/// Scenario: a geo-replicated namespace knows neither the stored offset nor the number.
/// Guarantees: the number is tried after the offset, then the policy applies.
#[tokio::test]
async fn falls_back_to_the_policy_last() {
    let hub = hub(1).await;
    append(&hub, 0, 5);
    let condition = Condition::new("com.microsoft:georeplication:invalid-offset", "unknown offset");
    hub.faults().refuse_attach(Some(condition));
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::After(checkpoint(2, Some("0"))));
    let step = read_until(&mut reader, |step| matches!(step, Step::PositionRefused { .. })).await;
    assert!(matches!(
        step,
        Step::PositionRefused {
            policy: OnInvalidCheckpoint::Earliest,
            ..
        }
    ));
    // By the offset, by the number, and by the number once more after asking whether the hub is the same.
    assert_eq!(hub.statistics().attaches, 3);
    hub.faults().refuse_attach(None);
    let (events, _) = read(&mut reader, 5).await;
    assert_eq!(numbers(&events), [0, 1, 2, 3, 4]);
    reader.close().await;
}

/// Scenario: the service refuses a checkpoint that lies beyond the end of the partition.
/// Guarantees: each policy continues where it says, and `fail` does not continue.
#[tokio::test]
async fn applies_the_policy_to_a_refused_position() {
    for (policy, expected) in [
        (OnInvalidCheckpoint::Earliest, 0),
        (OnInvalidCheckpoint::Latest, 5),
        (OnInvalidCheckpoint::EnqueuedTime, 3),
    ] {
        let hub = hub(1).await;
        for second in 0..5 {
            hub.append_at(0, b"{}".to_vec(), Timestamp::from_millis(second * 1000));
        }
        let mut settings = settings(&hub);
        settings.on_invalid_checkpoint = policy;
        let client = client(settings);
        let position = Position {
            enqueued_time: Some(Timestamp::from_millis(3000)),
            ..checkpoint(1_000_000, Some("99999999999"))
        };
        let mut reader = reader(&client, 0, StartPosition::After(position));
        let step = read_until(&mut reader, |step| matches!(step, Step::PositionRefused { .. })).await;
        assert!(matches!(step, Step::PositionRefused { policy: applied, .. } if applied == policy));
        read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
        append(&hub, 0, 1);
        let (events, _) = read(&mut reader, 1).await;
        assert_eq!(numbers(&events), [expected], "{policy:?}");
        reader.close().await;
    }
}

#[tokio::test]
async fn a_refused_position_can_stay_refused() {
    let hub = hub(1).await;
    append(&hub, 0, 1);
    let mut settings = settings(&hub);
    settings.on_invalid_checkpoint = OnInvalidCheckpoint::Fail;
    let client = client(settings);
    let mut reader = reader(
        &client,
        0,
        StartPosition::After(checkpoint(9, Some("99999999999"))),
    );
    let step = read_until(
        &mut reader,
        |step| matches!(step, Step::Detached { retry_after, .. } if !retry_after.is_zero()),
    )
    .await;
    let Step::Detached {
        reason, retry_after, ..
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(
        (reason, retry_after),
        (EndReason::InvalidPosition, Duration::from_secs(60))
    );
    reader.close().await;
}

/// Scenario: a geo-replicated namespace does not know the stored offset.
/// Guarantees: the sequence number is tried before any policy applies.
#[tokio::test]
async fn falls_back_to_the_sequence_number() {
    let hub = hub(1).await;
    append(&hub, 0, 5);
    let condition = Condition::new("com.microsoft:georeplication:invalid-offset", "unknown offset");
    hub.faults().refuse_attach(Some(condition));
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::After(checkpoint(2, Some("0"))));
    read_until(&mut reader, |step| {
        matches!(
            step,
            Step::Detached {
                reason: EndReason::InvalidOffset,
                ..
            }
        )
    })
    .await;
    hub.faults().refuse_attach(None);
    let step = read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
    assert!(
        matches!(&step, Step::Attached { position, .. } if position.contains("sequence-number > '2'")),
        "{step:?}"
    );
    let (events, _) = read(&mut reader, 2).await;
    assert_eq!(numbers(&events), [3, 4]);
    reader.close().await;
}

/// Scenario: events the library cannot decode stand first and in the middle.
/// Guarantees: each is told with its number, passed, and not met again after a reconnect.
#[tokio::test]
async fn passes_what_cannot_be_decoded() {
    let hub = hub(1).await;
    let broken = || Body::Encoded(vec![0x00, 0x53, 0x75, 0xb0, 0xff, 0xff, 0xff, 0xff].into());
    hub.append(0, broken());
    append(&hub, 0, 1);
    hub.append(0, broken());
    append(&hub, 0, 1);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (events, others) = read(&mut reader, 2).await;
    assert_eq!(numbers(&events), [1, 3]);
    assert_eq!(unreadable(&others), [0, 2]);
    assert!(
        !others.iter().any(|step| matches!(step, Step::Detached { .. })),
        "{others:?}"
    );
    hub.faults().drop_connections();
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [4]);
    assert!(unreadable(&others).is_empty(), "{others:?}");
    reader.close().await;
}

/// Scenario: the service announces a limit of size and sends larger events all the same, which ends the link.
/// Guarantees: each such event is told with its number and passed; the others arrive.
#[tokio::test]
async fn passes_what_is_too_large() {
    let hub = hub(1).await;
    hub.faults().advertised_message_size(Some(1000));
    hub.append(0, vec![b'x'; 5000]);
    append(&hub, 0, 2);
    hub.append(0, vec![b'x'; 5000]);
    append(&hub, 0, 1);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (events, others) = read(&mut reader, 3).await;
    assert_eq!(numbers(&events), [1, 2, 4]);
    assert_eq!(unreadable(&others), [0, 3]);
    assert!(
        !others
            .iter()
            .any(|step| matches!(step, Step::Lost { .. } | Step::Missing { .. }))
    );
    reader.close().await;
}

fn unreadable(steps: &[Step]) -> Vec<i64> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Unreadable { sequence_number, .. } => Some(sequence_number.0),
            _ => None,
        })
        .collect()
}
