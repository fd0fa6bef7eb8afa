//! One event looked up by where it stands: no owner level, no checkpoint, no healing.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::client::HubClient;
use super::end_reason::{End, EndReason};
use super::receiver::{Link, Received};
use super::selector::selector;
use super::settings::StartPosition;
use crate::event::{Event, PartitionId};

/// The first event that a partition has at `start`; `None` if none came within `patience`.
///
/// Errors: a connection or link that ends. `Stolen` says that a reader with an owner level holds the consumer group,
/// `InvalidPosition` that the hub refuses `start`, `Unreadable` that AMQP cannot carry the event.
pub async fn first_event(
    client: &HubClient,
    partition: &PartitionId,
    start: &StartPosition,
    patience: Duration,
) -> Result<Option<Event>, End> {
    let connection = client
        .connection(partition)
        .await
        .map_err(|refused| refused.end)?;
    let position = selector(start, false);
    let (settings, tasks) = (client.settings(), client.tasks());
    let mut link = Link::attach(connection, settings, tasks, partition, &position, None).await?;
    let received = timeout_at(Instant::now() + patience, link.receive(1)).await;
    link.close().await;
    match received {
        Err(_) => Ok(None),
        Ok(Received::Event(event)) => Ok(Some(event)),
        Ok(Received::Refused(refusal)) => Err(End::new(EndReason::Unreadable, refusal.detail)),
        Ok(Received::Ended(end)) => Err(end),
    }
}
