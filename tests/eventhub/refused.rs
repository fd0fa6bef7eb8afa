//! A position that the service refuses.

use std::time::Duration;

use hub2siem::emulator::event_hub::Condition;
use hub2siem::event::Timestamp;
use hub2siem::eventhub::{EndReason, OnInvalidCheckpoint, Position, StartPosition, Step};

use crate::support::{append, checkpoint, client, hub, numbers, read, read_until, reader, settings};

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
