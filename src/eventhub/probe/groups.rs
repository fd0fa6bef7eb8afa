//! The end of the way: the right to listen, each consumer group, each of its partitions.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::stage::Stage;
use crate::event::PartitionId;
use crate::eventhub::connection::Connection;
use crate::eventhub::end_reason::{End, EndReason};
use crate::eventhub::receiver::Link;
use crate::eventhub::selector::selector;
use crate::eventhub::settings::{HubSettings, StartPosition};
use crate::finding::{Stopped, Verdict, Walk};

/// Names of the steps of one consumer group. Without `partitions`, which the hub has to tell, one step stands for all.
pub(super) fn names(group: &str, partitions: &[PartitionId]) -> Vec<String> {
    let mut names = vec![format!("consumer group {group}")];
    match partitions {
        [] => names.push(format!("partitions by {group}")),
        _ => names.extend(partitions.iter().map(|it| format!("partition {it} by {group}"))),
    }
    names
}

/// Attaches to each partition without owner level and without credit: an active reader keeps its partition, and a reader
/// that comes meanwhile takes it.
pub(super) async fn attach(
    settings: &HubSettings,
    groups: &[Arc<str>],
    connection: &Arc<Connection>,
    tasks: &TaskTracker,
    walk: &mut Walk,
) -> Result<(), Stopped> {
    let partitions = &connection.hub.partitions;
    let plan = groups.iter().flat_map(|group| names(group, partitions));
    walk.replan(std::iter::once(Stage::Listen.to_string()).chain(plan));
    let mut first = Vec::new();
    for group in groups {
        first.push(try_one(settings, group, connection, tasks, &partitions[0]).await);
    }
    listen(&first, walk)?;
    for (group, first) in groups.iter().zip(first) {
        if let Err(end) = &first
            && end.reason != EndReason::ResourceLimit
        {
            walk.note(Verdict::Failed(Stage::ConsumerGroup.problem(end)));
            walk.skip(partitions.len());
            continue;
        }
        walk.note(Verdict::Ok("is there".to_owned()));
        note(walk, first);
        attach_others(settings, group, connection, tasks, walk).await;
    }
    Ok(())
}

/// The partitions after the first. The end of the connection is the failure of the one at hand, and leaves the rest untried.
async fn attach_others(
    settings: &HubSettings,
    group: &Arc<str>,
    connection: &Arc<Connection>,
    tasks: &TaskTracker,
    walk: &mut Walk,
) {
    let mut partitions = connection.hub.partitions.iter().skip(1);
    while let Some(partition) = partitions.next() {
        let outcome = try_one(settings, group, connection, tasks, partition).await;
        let is_over = outcome.is_err() && connection.is_closed();
        note(walk, outcome);
        if is_over {
            return walk.skip(partitions.len());
        }
    }
}

/// What the first attaches say of the right to do so. A hub looks at the right before it looks for the consumer group.
fn listen(first: &[Result<String, End>], walk: &mut Walk) -> Result<(), Stopped> {
    let is_refused =
        |outcome: &&Result<String, End>| matches!(outcome, Err(end) if end.reason == EndReason::Unauthorized);
    if let Some(Err(end)) = first.iter().find(is_refused) {
        return walk.step(Err(Stage::Listen.problem(end)), |()| String::new());
    }
    let has_right = |outcome: &Result<String, End>| match outcome {
        Ok(_) => true,
        Err(end) => matches!(end.reason, EndReason::ResourceLimit | EndReason::NotFound),
    };
    walk.note(match first.iter().any(has_right) {
        true => Verdict::Ok("events may be read".to_owned()),
        false => Verdict::Skipped("no consumer group could be tried".to_owned()),
    });
    Ok(())
}

fn note(walk: &mut Walk, outcome: Result<String, End>) {
    let result = outcome.map_err(|end| Stage::Partition.problem(&end));
    walk.note(result.into());
}

async fn try_one(
    settings: &HubSettings,
    group: &Arc<str>,
    connection: &Arc<Connection>,
    tasks: &TaskTracker,
    partition: &PartitionId,
) -> Result<String, End> {
    let settings = HubSettings {
        consumer_group: Arc::clone(group),
        ..settings.clone()
    };
    let selector = selector(&StartPosition::Earliest, false);
    let connection = Arc::clone(connection);
    match Link::attach(connection, &settings, tasks, partition, &selector, None).await {
        Ok(link) => {
            link.close().await;
            Ok("can be read; nobody reads it with an owner level".to_owned())
        }
        Err(end) if end.reason == EndReason::Stolen => {
            Ok("has an active reader, which keeps it; that is fine if it is this bridge".to_owned())
        }
        Err(end) => Err(end),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::emulator::event_hub::{EventHubEmulator, Options};
    use crate::event::Hub;
    use crate::eventhub::{ConnectionString, OnInvalidCheckpoint, Transport};
    use crate::finding::Finding;

    fn settings(hub: &EventHubEmulator) -> Arc<HubSettings> {
        let string = ConnectionString::parse(&hub.connection_string()).expect("it is well formed");
        Arc::new(HubSettings {
            hub: Hub {
                namespace: string.host.as_str().into(),
                name: "defender".into(),
            },
            consumer_group: "$Default".into(),
            address: None,
            port: string.port.expect("it names the port"),
            transport: Transport::Amqp,
            proxy: None.into(),
            tls: None.into(),
            credential: string.credential.into(),
            receiver_name: "check".into(),
            on_invalid_checkpoint: OnInvalidCheckpoint::Earliest,
            token_lifetime: Duration::from_secs(3600),
            call_timeout: Duration::from_secs(10),
        })
    }

    /// Scenario: the connection ends after the first of four partitions was tried.
    /// Guarantees: that is a failure, told at the next partition; the others are said to be untried.
    #[tokio::test]
    async fn the_end_of_the_connection_is_a_failure() {
        let hub = EventHubEmulator::start(Options::new("defender", 4)).await;
        let hub = hub.expect("a port is free");
        let settings = settings(&hub);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let opened = Connection::open(&settings, 0, &tasks, &stop).await;
        let connection = opened.expect("the hub lets everybody in");
        connection.retire();
        let group: Arc<str> = "$Default".into();
        let plan = names(&group, &connection.hub.partitions).into_iter().skip(2);
        let findings = Walk::take(plan, Duration::from_secs(20), async |walk| {
            attach_others(&settings, &group, &connection, &tasks, walk).await;
            Ok(())
        });
        let findings = findings.await;
        let failed: Vec<_> = findings.iter().map(|it| it.failure().is_some()).collect();
        assert_eq!(failed, [true, false, false], "{findings:?}");
        let waits = Verdict::Skipped("waits for `partition 1 by $Default`".to_owned());
        assert!(
            findings[1..].iter().all(|it: &Finding| it.verdict == waits),
            "{findings:?}"
        );
    }
}
