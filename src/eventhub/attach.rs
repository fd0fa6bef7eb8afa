//! One attempt to attach a partition, from finding a connection to the attached link.

use std::sync::Arc;
use std::time::Duration;

use super::client::HubClient;
use super::connection::Connection;
use super::end_reason::End;
use super::known_hub::KnownHub;
use super::receiver::Link;
use super::selector::selector;
use super::settings::{Position, StartPosition};
use crate::event::{PartitionId, SequenceNumber, Timestamp};

/// What one attempt is to do.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) partition: PartitionId,
    pub(super) start: Start,
    pub(super) known_hub: KnownHub,
    pub(super) recovery: Recovery,
    /// Without one, a reader that has one is left in peace, and refuses this one.
    pub(super) owner_level: Option<i64>,
}

/// Where to start.
#[derive(Debug, Clone)]
pub(super) enum Start {
    At(StartPosition),
    /// After the newest event of this moment.
    Latest,
    /// Do not attach: only find the number of the oldest event.
    Locate,
}

/// What has to be done differently after the failure before; all of it is forgotten once an event arrives.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recovery {
    /// Put a new token first; forgotten after a link that held too.
    pub(super) force_token: bool,
    /// Ask whether the hub is still the same, though the connection is not new.
    pub(super) check_hub: bool,
    /// Start by the sequence number.
    pub(super) skip_offset: bool,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Attached {
        link: Box<Link>,
        hub_created_at: Timestamp,
        position: String,
        /// What [`Start::Latest`] turned out to be.
        resolved: Option<Position>,
    },
    Located(SequenceNumber),
    HubRecreated(Timestamp),
    Failed {
        end: End,
        /// Set by a connection that all of its partitions wait for.
        retry_after: Option<Duration>,
    },
}

pub(super) async fn attach(client: Arc<HubClient>, plan: Plan) -> Outcome {
    match client.connection(&plan.partition).await {
        Ok(connection) => attach_on(&client, connection, plan)
            .await
            .unwrap_or_else(|end| Outcome::Failed {
                end,
                retry_after: None,
            }),
        Err(refused) => Outcome::Failed {
            end: refused.end,
            retry_after: Some(refused.retry_after),
        },
    }
}

async fn attach_on(client: &HubClient, connection: Arc<Connection>, plan: Plan) -> Result<Outcome, End> {
    if plan.recovery.force_token {
        connection.authorize_anew().await?;
    }
    let hub_created_at = match plan.recovery.check_hub {
        true => connection.hub_properties().await?.created_at,
        false => connection.hub.created_at,
    };
    if plan.known_hub.is_another(hub_created_at) {
        if connection.hub.created_at != hub_created_at {
            // It remembers the hub that is gone.
            connection.retire();
        }
        return Ok(Outcome::HubRecreated(hub_created_at));
    }
    let (start, resolved) = match plan.start {
        Start::At(start) => (start, None),
        Start::Latest => {
            let properties = connection.partition_properties(&plan.partition).await?;
            let position = properties.latest(hub_created_at);
            (StartPosition::After(position.clone()), Some(position))
        }
        Start::Locate => {
            let properties = connection.partition_properties(&plan.partition).await?;
            return Ok(Outcome::Located(properties.begin_sequence_number));
        }
    };
    let position = selector(&start, plan.recovery.skip_offset);
    let link = Link::attach(
        connection,
        client.settings(),
        client.tasks(),
        &plan.partition,
        &position,
        plan.owner_level,
    )
    .await?;
    Ok(Outcome::Attached {
        link: Box::new(link),
        hub_created_at,
        position,
        resolved,
    })
}
