//! A look at a few events: no owner level, no checkpoint, no healing. Readers of other consumer groups never notice.

use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::HubClient;
use super::end_reason::End;
use super::receiver::{Link, Received};
use super::selector::selector;
use super::settings::{HubSettings, StartPosition};
use crate::event::{Event, PartitionId, SequenceNumber};

/// Credit of one link; more would only be buffered.
const MAX_CREDIT: u32 = 100;

/// What a look brings.
#[derive(Debug)]
pub enum Peeked {
    /// An event.
    Event(Event),
    /// A delivery that the AMQP library refused, and why.
    Refused(String),
}

/// Reads the newest `limit` events of all partitions and what arrives meanwhile, until `limit` events came or `patience`
/// is over. Gives the number of events. The events of one partition come in their order.
///
/// Errors: the first connection or link that ends; `Stolen` says that a reader with an owner level holds the group.
pub async fn peek(
    settings: HubSettings,
    limit: usize,
    patience: Duration,
    mut each: impl FnMut(Peeked),
) -> Result<usize, End> {
    let deadline = Instant::now() + patience;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let client = HubClient::new(settings, tasks.clone(), stop.clone());
    let mut links = Vec::new();
    let result = match attach(&client, limit, &mut links).await {
        Ok(()) => receive(&mut links, limit, deadline, &mut each).await,
        Err(end) => Err(end),
    };
    for link in links {
        link.close().await;
    }
    client.close().await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    result
}

async fn attach(client: &HubClient, limit: usize, links: &mut Vec<Link>) -> Result<(), End> {
    for partition in client.partitions().await? {
        let start = newest(client, &partition, limit).await?;
        let connection = client
            .connection(&partition)
            .await
            .map_err(|refused| refused.end)?;
        let position = selector(&start, false);
        let settings = client.settings();
        links.push(Link::attach(connection, settings, client.tasks(), &partition, &position, None).await?);
    }
    Ok(())
}

/// Where the newest `limit` events of a partition begin.
async fn newest(client: &HubClient, partition: &PartitionId, limit: usize) -> Result<StartPosition, End> {
    let properties = client.partition_properties(partition).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let first = properties.last_sequence_number.0.saturating_sub(limit - 1);
    // The oldest kept may be newer than that, and the service may refuse what it has removed.
    let first = first.max(properties.begin_sequence_number.0).max(0);
    Ok(match properties.is_empty {
        true => StartPosition::After(client.latest(partition).await?),
        false => StartPosition::SequenceNumber(SequenceNumber(first)),
    })
}

async fn receive(
    links: &mut [Link],
    limit: usize,
    deadline: Instant,
    each: &mut impl FnMut(Peeked),
) -> Result<usize, End> {
    let credit = u32::try_from(limit).unwrap_or(MAX_CREDIT).min(MAX_CREDIT);
    let mut events = 0;
    while events < limit {
        let next = select_all(links.iter_mut().map(|link| {
            let missing = if link.outstanding() == 0 { credit } else { 0 };
            Box::pin(link.receive(missing))
        }));
        let Ok((received, _, _)) = timeout_at(deadline, next).await else {
            break;
        };
        match received {
            Received::Event(event) => {
                events += 1;
                each(Peeked::Event(event));
            }
            Received::Refused(refusal) if refusal.is_link_usable => each(Peeked::Refused(refusal.detail)),
            Received::Refused(refusal) => {
                return Err(End::new(super::EndReason::LinkDetached, refusal.detail));
            }
            Received::Ended(end) => return Err(end),
        }
    }
    Ok(events)
}
