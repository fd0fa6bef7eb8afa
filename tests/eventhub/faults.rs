//! Healing from what hubs and networks do.

use std::time::Duration;

use hub2siem::emulator::event_hub::Condition;
use hub2siem::event::PartitionId;
use hub2siem::eventhub::{EndReason, PartitionReader, StartPosition, Step};

use crate::shared::proxy::{Direction, Mode, Proxy};
use crate::support::{
    append, client, hub, next, numbers, reached, read, read_until, reader, settings, within,
};

/// Scenario: the connection is killed in the middle of a stream, and the service starts a little too early again.
/// Guarantees: every event is taken in exactly once, and the repeated ones are told.
#[tokio::test]
async fn resumes_after_a_killed_connection_without_loss() {
    let hub = hub(1).await;
    append(&hub, 0, 100);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let (mut events, _) = read(&mut reader, 50).await;
    hub.faults().repeat_after_attach(5);
    hub.faults().drop_connections();
    append(&hub, 0, 50);
    let (rest, others) = read(&mut reader, 100).await;
    events.extend(rest);
    assert_eq!(numbers(&events), (0..150).collect::<Vec<_>>());
    assert!(
        !others
            .iter()
            .any(|step| matches!(step, Step::Lost { .. } | Step::Missing { .. }))
    );
    let repeated = others
        .iter()
        .filter(|step| matches!(step, Step::Repeated { .. }))
        .count();
    assert_eq!(repeated, 5, "{others:?}");
    let ends: Vec<_> = others.iter().filter_map(ended).collect();
    assert_eq!(ends, [EndReason::ConnectionLost]);
    reader.close().await;
}

/// Scenario: the connection ends in the middle of one event's transfer.
/// Guarantees: that event arrives whole after the reconnect.
#[tokio::test]
async fn a_half_sent_event_comes_again() {
    let hub = hub(1).await;
    append(&hub, 0, 3);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    hub.faults().partial_transfer(true);
    read_until(&mut reader, |step| matches!(step, Step::Detached { .. })).await;
    hub.faults().partial_transfer(false);
    let (events, _) = read(&mut reader, 3).await;
    assert_eq!(numbers(&events), [0, 1, 2]);
    assert!(events.iter().all(|event| event.body == "{}"));
    reader.close().await;
}

/// Scenario: connections are cut after so and so many bytes from the hub, at every stage of their set-up.
/// Guarantees: each cut is noticed at once, not when a call has waited for its answer too long.
#[tokio::test]
async fn notices_a_connection_that_ends_while_it_is_set_up() {
    const CUTS: u32 = 40;
    let hub = hub(CUTS).await;
    let cuts = (0..CUTS).map(|cut| {
        let hub = &hub;
        async move {
            let proxy = Proxy::start(hub.address()).await;
            proxy
                .set(Mode::CutAfter(Direction::ToClient, 10 + 40 * cut as usize))
                .await;
            let mut settings = settings(hub);
            settings.port = proxy.address().port();
            settings.call_timeout = Duration::from_secs(600);
            let client = client(settings);
            let mut reader = reader(&client, cut, StartPosition::Earliest);
            let first = next(&mut reader, 1).await;
            proxy.set(Mode::Pass).await;
            if !matches!(first, Step::Attached { .. }) {
                read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
            }
            reader.close().await;
            usize::from(matches!(first, Step::Detached { .. }))
        }
    });
    let noticed: usize = futures_util::future::join_all(cuts).await.into_iter().sum();
    assert!(noticed > 20, "{noticed} cuts were within the set-up");
}

/// Scenario: sixteen partitions on eight connections lose them all at once.
/// Guarantees: each connection is made anew once, for all of its partitions.
#[tokio::test]
async fn reconnects_once_for_all_partitions() {
    let hub = hub(16).await;
    let client = client(settings(&hub));
    let mut readers = Vec::new();
    for partition in 0..16 {
        let mut reader = reader(&client, partition, StartPosition::Earliest);
        next(&mut reader, 1).await;
        readers.push(reader);
    }
    hub.faults().drop_connections();
    reached(&hub, |statistics| statistics.open_connections == 0).await;
    let reattached = readers.into_iter().map(|mut reader| async move {
        read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
        reader
    });
    let readers = within(futures_util::future::join_all(reattached)).await;
    assert_eq!(hub.statistics().connections, 16);
    for reader in readers {
        reader.close().await;
    }
}

/// Scenario: a second reader takes the partition.
/// Guarantees: the first does not take it back, but waits for a minute; the second goes on.
#[tokio::test]
async fn does_not_fight_for_a_stolen_partition() {
    let hub = hub(1).await;
    append(&hub, 0, 1);
    let mine = client(settings(&hub));
    let mut first = reader(&mine, 0, StartPosition::Earliest);
    read(&mut first, 1).await;
    let theirs = client(settings(&hub));
    let mut second = reader(&theirs, 0, StartPosition::Earliest);
    read(&mut second, 1).await;
    let step = next(&mut first, 1).await;
    let Step::Detached {
        reason, retry_after, ..
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(
        (reason, retry_after),
        (EndReason::Stolen, Duration::from_secs(60))
    );
    append(&hub, 0, 1);
    read(&mut second, 1).await;
    assert!(!first.is_attached());
    first.close().await;
    second.close().await;
}

/// Scenario: the service detaches the link with each of its conditions.
/// Guarantees: the class and the wait are those of the table, and no other partition is disturbed.
#[tokio::test]
async fn classifies_a_detach() {
    for (condition, expected, least) in [
        ("com.microsoft:server-busy", EndReason::ServerBusy, 4),
        ("amqp:link:detach-forced", EndReason::LinkDetached, 0),
        ("amqp:resource-limit-exceeded", EndReason::ResourceLimit, 30),
        ("com.microsoft:entity-disabled", EndReason::EntityDisabled, 60),
        ("com.microsoft:entity-updated", EndReason::EntityUpdated, 0),
    ] {
        let hub = hub(9).await;
        let client = client(settings(&hub));
        let mut detached = reader(&client, 0, StartPosition::Earliest);
        next(&mut detached, 1).await;
        let mut others: Vec<_> = (1..9)
            .map(|partition| reader(&client, partition, StartPosition::Earliest))
            .collect();
        for other in &mut others {
            next(other, 1).await;
        }
        assert_eq!(hub.statistics().connections, 8);
        hub.faults().detach(0, Condition::new(condition, "by a test"));
        let step = next(&mut detached, 1).await;
        let Step::Detached {
            reason, retry_after, ..
        } = step
        else {
            panic!("{step:?}");
        };
        assert_eq!(reason, expected);
        assert!(
            retry_after >= Duration::from_secs(least),
            "{condition}: {retry_after:?}"
        );
        append(&hub, 8, 1);
        let sharing = others.last_mut().expect("there are eight");
        assert!(matches!(next(sharing, 1).await, Step::Event(_)));
        close_all(others).await;
        detached.close().await;
    }
}

/// Scenario: the service says that the token is not good any more.
/// Guarantees: a new token is put at once, on the same connection, and the link is attached again.
#[tokio::test]
async fn puts_a_new_token_when_told_so() {
    let hub = hub(1).await;
    append(&hub, 0, 1);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    read(&mut reader, 1).await;
    hub.faults()
        .detach(0, Condition::new("amqp:unauthorized-access", "expired"));
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [1]);
    assert_eq!(
        others.iter().filter_map(ended).collect::<Vec<_>>(),
        [EndReason::Unauthorized]
    );
    let statistics = hub.statistics();
    assert_eq!(
        (statistics.tokens, statistics.connections, statistics.attaches),
        (2, 1, 2)
    );
    reader.close().await;
}

/// Scenario: the service closes the connection with a condition.
/// Guarantees: the condition is told, not merely that the connection is gone; the next event comes over a new one.
#[tokio::test]
async fn tells_why_the_connection_was_closed() {
    let hub = hub(1).await;
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    next(&mut reader, 1).await;
    hub.faults()
        .close_connections(Condition::new("amqp:connection:forced", "maintenance"));
    let step = next(&mut reader, 1).await;
    assert_eq!(ended(&step), Some(EndReason::ConnectionForced), "{step:?}");
    append(&hub, 0, 1);
    read(&mut reader, 1).await;
    assert_eq!(hub.statistics().connections, 2);
    reader.close().await;
}

/// Scenario: a reader is dropped, not closed, with deliveries under way; another shares its connection.
/// Guarantees: the other one is not disturbed.
#[tokio::test]
async fn a_dropped_reader_disturbs_nobody() {
    let hub = hub(9).await;
    append(&hub, 0, 1000);
    let client = client(settings(&hub));
    let mut dropped = reader(&client, 0, StartPosition::Earliest);
    let step = next(&mut dropped, 1).await;
    assert!(matches!(step, Step::Attached { .. }), "{step:?}");
    let mut others = Vec::new();
    for partition in 1..9 {
        let mut other = reader(&client, partition, StartPosition::Earliest);
        next(&mut other, 1).await;
        others.push(other);
    }
    let step = next(&mut dropped, 900).await;
    assert!(matches!(step, Step::Event(_)), "{step:?}");
    drop(dropped);
    reached(&hub, |statistics| statistics.attached[0] == 0).await;
    append(&hub, 8, 1);
    let sharing = others.last_mut().expect("there are eight");
    let step = next(sharing, 1).await;
    assert!(matches!(step, Step::Event(_)), "{step:?}");
    assert_eq!(hub.statistics().connections, 8);
    close_all(others).await;
}

/// Scenario: nothing listens at first.
/// Guarantees: the cause is told, and the reader attaches once the hub is there.
#[tokio::test]
async fn waits_for_a_hub_that_is_not_there() {
    let hub = hub(1).await;
    hub.faults().refuse_connects(true);
    let client = client(settings(&hub));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let step = next(&mut reader, 1).await;
    assert_eq!(ended(&step), Some(EndReason::ConnectFailed), "{step:?}");
    hub.faults().refuse_connects(false);
    read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
    reader.close().await;
}

/// Scenario: management is out of order for a while.
/// Guarantees: the class follows the status, and a later request works on the same connection.
#[tokio::test]
async fn management_recovers() {
    let hub = hub(1).await;
    let client = client(settings(&hub));
    within(client.partitions()).await.expect("the hub answers");
    hub.faults().management_status(Some(503));
    let end = within(client.partition_properties(&PartitionId::new("0")))
        .await
        .expect_err("it is out of order");
    assert_eq!(end.reason, EndReason::ServerBusy);
    hub.faults().management_status(None);
    within(client.partitions()).await.expect("the hub answers again");
}

/// Scenario: a request is given up before its answer, which comes late; the next one asks something else.
/// Guarantees: the late answer is not taken for the next request's.
#[tokio::test]
async fn a_late_answer_is_passed_over() {
    let hub = hub(2).await;
    let client = client(settings(&hub));
    within(client.partitions()).await.expect("the hub answers");
    within(client.partition_properties(&PartitionId::new("0")))
        .await
        .expect("the hub answers");
    hub.faults().silent(true);
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_millis(50), client.hub_properties()).await;
        assert!(given_up.is_err(), "{given_up:?}");
    }
    hub.faults().silent(false);
    let partition = within(client.partition_properties(&PartitionId::new("0"))).await;
    assert!(partition.expect("it is the answer to this request").is_empty);
    assert_eq!(hub.statistics().connections, 1);
}

/// Scenario: the hub accepts connections and says nothing.
/// Guarantees: no step waits for ever, and the reader attaches once the hub speaks.
#[tokio::test]
async fn does_not_wait_for_ever_for_a_silent_hub() {
    let hub = hub(1).await;
    hub.faults().silent(true);
    let mut settings = settings(&hub);
    settings.call_timeout = Duration::from_secs(1);
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let step = next(&mut reader, 1).await;
    assert_eq!(ended(&step), Some(EndReason::Timeout), "{step:?}");
    hub.faults().silent(false);
    read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
    reader.close().await;
}

fn ended(step: &Step) -> Option<EndReason> {
    match step {
        Step::Detached { reason, .. } => Some(*reason),
        _ => None,
    }
}

async fn close_all(readers: Vec<PartitionReader>) {
    for reader in readers {
        reader.close().await;
    }
}
