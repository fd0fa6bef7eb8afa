//! What waits for brokers or disks, beside the worker: claims and transactions.

use std::sync::Arc;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::batch::Batch;
use super::clients::Clients;
use super::cluster::{self, Cluster};
use super::position::{StoredPosition, key, transactional_id};
use super::producer::{Producer, code_of};
use super::transaction::{Outcome, Place, transact, verdict_of};
use crate::deliver::Context;
use crate::deliver::kafka::verdict::{self, Verdict};
use crate::durable::retry::chain;
use crate::event::PartitionId;
use crate::telemetry::BlockReason;

/// What every operation of one target needs.
pub(super) struct Shared {
    pub(super) clients: Clients,
    pub(super) cluster: Cluster,
}

/// How an operation ended.
pub(super) enum End {
    /// A claim holds, and up to where everything is in the cluster.
    Claimed(Producer, Option<StoredPosition>),
    /// A claim could not be made.
    Unclaimed(Trouble),
    /// A transaction ended, with what is left of its events.
    Transacted(Producer, Batch, Outcome),
}

/// Why a claim could not be made.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What an operator has to mend, if so.
    pub(super) blocked: Option<BlockReason>,
    pub(super) detail: String,
}

impl Shared {
    pub(super) fn context(&self) -> &Context {
        &self.clients.context
    }

    /// Claims a partition: fences whoever wrote for it, then asks for its position.
    pub(super) async fn claim(self: Arc<Self>, partition: PartitionId) -> End {
        let (hub, group) = (&self.context().hub, &self.context().consumer_group);
        let (key, id) = (
            key(hub, group, &partition),
            transactional_id(hub, group, &partition),
        );
        let clients = self.clients.clone();
        let fenced = tokio::task::spawn_blocking(move || fence(&clients, &id));
        let producer = match fenced.await.expect("fencing does not panic and is not cancelled") {
            Ok(producer) => producer,
            Err(trouble) => return End::Unclaimed(trouble),
        };
        match self.cluster.position(&key).await {
            Ok(position) => End::Claimed(producer, position),
            Err(error) => {
                dismantle(producer);
                End::Unclaimed(Trouble::of_cluster(&error))
            }
        }
    }

    /// Sends and commits a batch. Records that are refused are in the dead letters when this ends, and out of the batch.
    pub(super) async fn transact(
        self: Arc<Self>,
        partition: PartitionId,
        mut producer: Producer,
        batch: Batch,
    ) -> End {
        let (hub, group) = (&self.context().hub, &self.context().consumer_group);
        let place = Place {
            settings: self.clients.settings.clone(),
            hub: hub.clone(),
            position_topic: self.clients.topic.clone(),
            key: key(hub, group, &partition),
        };
        let transacted = tokio::task::spawn_blocking(move || {
            let outcome = transact(&mut producer, &batch, &place);
            (producer, batch, outcome)
        });
        let transacted = transacted.await;
        let (producer, mut batch, outcome) =
            transacted.expect("a transaction does not panic and is not cancelled");
        if let Outcome::Refused(refused) = &outcome {
            let tokens: Vec<_> = refused.iter().map(|(token, _)| *token).collect();
            let records = batch.take_out(&tokens);
            for (record, (_, rejection)) in records.into_iter().zip(refused) {
                self.context().rejected(record, rejection.clone()).await;
            }
        }
        End::Transacted(producer, batch, outcome)
    }
}

fn fence(clients: &Clients, transactional_id: &str) -> Result<Producer, Trouble> {
    let producer = clients.producer(transactional_id);
    let producer = producer.map_err(|error| Trouble::of_start(&error))?;
    match producer.fence() {
        Ok(()) => Ok(producer),
        Err((code, detail)) => Err(Trouble::of_fencing(code, detail)),
    }
}

/// Ends a producer; its open transaction is ended by the next one with its id, or by the cluster. Nobody waits for that.
pub(super) fn dismantle(producer: Producer) {
    tokio::task::spawn_blocking(move || drop(producer));
}

impl Trouble {
    fn of_start(error: &KafkaError) -> Self {
        let reason = match error {
            KafkaError::ClientCreation(text) if text.contains("ssl.") => BlockReason::Tls,
            _ => BlockReason::Configuration,
        };
        Self {
            blocked: Some(reason),
            detail: error.to_string(),
        }
    }

    fn of_fencing(code: Code, detail: String) -> Self {
        let blocked = match verdict_of(code) {
            Verdict::Blocked(reason) => Some(reason),
            _ => verdict::of_connection(code, &detail),
        };
        Self { blocked, detail }
    }

    fn of_cluster(error: &cluster::Error) -> Self {
        let blocked = match error {
            cluster::Error::NotCompacted { .. } | cluster::Error::Position(_) => {
                Some(BlockReason::Configuration)
            }
            cluster::Error::CannotMake { .. } => Some(BlockReason::Destination),
            cluster::Error::Client { source, .. } => match verdict_of(code_of(source)) {
                Verdict::Blocked(reason) => Some(reason),
                Verdict::BlockedTopic => Some(BlockReason::Destination),
                _ => None,
            },
            cluster::Error::Ending => None,
        };
        Self {
            blocked,
            detail: chain(error),
        }
    }
}
