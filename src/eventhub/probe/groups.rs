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
        for (index, partition) in partitions.iter().enumerate().skip(1) {
            if connection.is_closed() {
                walk.skip(partitions.len() - index);
                break;
            }
            note(walk, try_one(settings, group, connection, tasks, partition).await);
        }
    }
    Ok(())
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
