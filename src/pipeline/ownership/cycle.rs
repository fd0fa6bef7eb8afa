//! What an instance does again and again to read its share: renew what it reads, look at what the others wrote, claim.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use rand::Rng;
use tokio::time::{Instant, sleep, sleep_until};

use super::disputes::Disputes;
use super::held;
use super::meter::{Meter, word};
use super::plan::{Claim, Origin, Plan, View, plan};
use super::sharing::Sharing;
use super::tenures::Tenures;
use crate::checkpoint::blob::config::Strategy;
use crate::checkpoint::blob::{self, Claimed, Listing};
use crate::durable::Retry;
use crate::event::PartitionId;
use crate::eventhub::End;
use crate::pipeline::gone::{Gone, Voice};
use crate::pipeline::partitions::Partitions;
use crate::pipeline::reader::Ended;

/// Part of the interval by which a cycle is early or late, so that instances do not go on meeting each other.
const JITTER: f64 = 0.2;
/// A cycle that takes more than this part of the expiry is close to losing what it renews.
const SLOW: u32 = 2;

/// Looks after the ownership of one group's partitions, and after their readers.
pub(in crate::pipeline) struct Cycle<'g> {
    pub(super) group: &'g mut Partitions,
    pub(super) sharing: Sharing,
    pub(super) tenures: Tenures,
    pub(super) disputes: Disputes,
    pub(super) meter: Meter,
    /// Readers begun; each begins generations of its own.
    pub(super) begun: u64,
    /// When the hub was last asked for its partitions.
    asked_at: Option<Instant>,
    /// The partitions that the hub has.
    listed: BTreeSet<PartitionId>,
    /// Those that had a checkpoint at the start.
    pub(super) stored: BTreeSet<PartitionId>,
    gone: Gone,
    retry: Retry,
    well_at: Option<Instant>,
}

/// Why a cycle did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] blob::Error),
    #[error("the hub cannot be asked for its partitions: {0}")]
    Hub(#[from] End),
}

impl<'g> Cycle<'g> {
    /// A cycle that owns nothing yet.
    pub(in crate::pipeline) fn new(group: &'g mut Partitions, sharing: Sharing) -> Self {
        Self {
            meter: Meter::new(&group.metrics, &group.name),
            group,
            sharing,
            tenures: Tenures::default(),
            disputes: Disputes::default(),
            begun: 0,
            asked_at: None,
            listed: BTreeSet::new(),
            stored: BTreeSet::new(),
            gone: Gone::default(),
            retry: Retry::default(),
            well_at: None,
        }
    }

    /// Reads a share of the partitions until told to stop.
    pub(in crate::pipeline) async fn run(mut self) -> anyhow::Result<()> {
        let stop = self.group.stop.intake.clone();
        // Two fleets that do not see each other's ownerships fight at the hub: one look at their logs tells.
        tracing::info!(
            consumer_group = &*self.group.name,
            checkpoints = self.sharing.store.describe(),
            owner_id = self.sharing.store.owner_id(),
            strategy = ?self.sharing.strategy,
            interval_seconds = self.sharing.interval.as_secs_f64(),
            expiry_seconds = self.sharing.expiry.as_secs_f64(),
            "partitions are shared with the instances that use the same checkpoints"
        );
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = self.begin_group() => {}
        }
        loop {
            let began = Instant::now();
            let looked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                looked = self.look() => looked,
            };
            self.note(looked, began.elapsed());
            let jitter = 1.0 - JITTER + 2.0 * JITTER * rand::random::<f64>();
            if !self
                .rest_until(began + self.sharing.interval.mul_f64(jitter))
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Waits for the next cycle and for readers that end meanwhile; `false` when told to stop.
    async fn rest_until(&mut self, next: Instant) -> anyhow::Result<bool> {
        loop {
            tokio::select! {
                () = self.group.stop.intake.cancelled() => return Ok(false),
                () = sleep_until(next) => return Ok(true),
                () = self.group.partitions_changed.notified() => {
                    self.asked_at = None;
                    return Ok(true);
                }
                Some(ended) = self.group.readers.join_next() => {
                    let (partition, ended) = ended.context("a partition's reader failed")?;
                    self.on_end(&partition, ended);
                }
            }
        }
    }

    /// Renews, then looks and claims: with `greedy` until there is nothing to claim, with `balanced` once.
    async fn look(&mut self) -> Result<(), Failed> {
        let began = Instant::now();
        self.renew().await?;
        if self
            .asked_at
            .is_none_or(|asked| asked.elapsed() >= self.group.intervals.partitions)
        {
            self.ask_partitions().await?;
        }
        loop {
            let listing = self.sharing.store.list_ownership().await?;
            self.compare(&listing);
            let plan = self.plan(&listing);
            self.meter.looked(&plan);
            self.group.checkpointer.share(plan.instances > 1);
            let Some(claim) = plan.claim else {
                return Ok(());
            };
            // Whoever cannot reach the hub takes nothing that another could read.
            if self.asked_at.is_none_or(|asked| asked < began) {
                self.ask_partitions().await?;
            }
            self.claim(claim).await?;
            if self.sharing.strategy == Strategy::Balanced || began.elapsed() >= self.sharing.interval {
                return Ok(());
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Failed> {
        let renewable = self.tenures.renewable(self.sharing.expiry);
        let mut failed = None;
        for (partition, renewed) in held::renew(&self.sharing.store, renewable).await {
            match renewed {
                Ok(Claimed::Won(_)) => {}
                Ok(Claimed::LostTo) => self.lose(&partition, None),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn ask_partitions(&mut self) -> Result<(), Failed> {
        let partitions = self.group.client.partitions().await?;
        let voice = Voice {
            consumer_group: &self.group.name,
            store: self.group.checkpointer.store(),
            readiness: &self.group.readiness,
            metrics: &self.group.metrics,
        };
        let known = self.group.known.iter().chain(&self.stored);
        self.gone.look(&partitions, known, &voice).await;
        self.group.known.extend(partitions.iter().cloned());
        self.listed = partitions.into_iter().collect();
        self.asked_at = Some(Instant::now());
        Ok(())
    }

    /// Finds what others own now: of what we read, it is lost; of what was disputed, it is their affair.
    fn compare(&mut self, listing: &Listing) {
        let owner_id = self.sharing.store.owner_id().to_owned();
        for partition in self.tenures.current() {
            let mut records = listing.ownerships.iter();
            let record = records.find(|record| record.partition == partition);
            if record.is_none_or(|record| record.owner_id != owner_id) {
                let owner = record.map(|record| record.owner_id.clone());
                self.lose(&partition, owner);
            }
        }
        for partition in self.disputes.current() {
            let mut others = listing.ownerships.iter();
            let is_others = |owner: &str| !owner.is_empty() && owner != owner_id;
            if others.any(|other| other.partition == partition && is_others(&other.owner_id)) {
                self.group.checkpointer.lose(&partition);
                self.forget(&partition);
            }
        }
    }

    fn plan(&self, listing: &Listing) -> Plan {
        let view = View {
            owner_id: self.sharing.store.owner_id(),
            partitions: &self.listed,
            listing,
            expiry: self.sharing.expiry,
            read: &self.tenures.all(),
            disputed: &self.disputes.current(),
        };
        plan(view, &mut rand::rng())
    }

    async fn claim(&mut self, claim: Claim) -> Result<(), Failed> {
        let Claim {
            partition,
            expected,
            origin,
        } = claim;
        match self.sharing.store.claim(&partition, expected.as_ref()).await? {
            Claimed::Won(_) => {
                let before = match &origin {
                    Origin::Expired(owner) | Origin::Instance(owner) => &**owner,
                    Origin::Nobody | Origin::Ourselves => "",
                };
                tracing::info!(
                    consumer_group = &*self.group.name, %partition, origin = word(&origin), owner_before = before,
                    "partition claimed"
                );
                self.meter.claimed(&partition, &origin);
                self.begin(partition).await;
            }
            Claimed::LostTo => {
                self.meter.refused();
                // Who was first looks again too; both at once would meet again.
                let pause = self.sharing.interval.mul_f64(rand::rng().random_range(0.0..0.05));
                sleep(pause).await;
            }
        }
        Ok(())
    }

    fn note(&mut self, looked: Result<(), Failed>, took: Duration) {
        self.meter.cycle(took.as_secs_f64(), looked.is_ok());
        let consumer_group = &self.group.name;
        if took > self.sharing.expiry / SLOW {
            tracing::warn!(
                consumer_group = &**consumer_group,
                seconds = took.as_secs_f64(),
                expiry_seconds = self.sharing.expiry.as_secs_f64(),
                "looking after the ownership took so long that partitions may be lost; see whether the blob store is slow, \
                 keeps versions, or soft-deletes"
            );
        }
        let Err(failed) = looked else {
            self.retry.succeeded();
            self.well_at = Some(Instant::now());
            self.group.readiness.trouble(consumer_group, None);
            return;
        };
        let hint = match &failed {
            Failed::Store(error) => error.hint(),
            Failed::Hub(_) => "see that this machine reaches the hub",
        };
        if self.retry.failed().is_to_be_logged {
            tracing::warn!(
                consumer_group = &**consumer_group, cause = %failed, hint,
                "failed to look after the ownership of partitions; what is read is read on"
            );
        }
        if self
            .well_at
            .is_none_or(|well| well.elapsed() >= self.sharing.expiry)
        {
            let sentence = format!(
                "consumer group {consumer_group}: the ownership of partitions cannot be looked after: {failed}"
            );
            self.group.readiness.trouble(consumer_group, Some(sentence));
        }
    }

    fn on_end(&mut self, partition: &PartitionId, ended: Ended) {
        let was_told = self.tenures.end(partition);
        match ended {
            // It may have made itself known to the checkpointer after it was lost.
            _ if was_told => self.group.checkpointer.lose(partition),
            Ended::Stopped => {}
            Ended::Taken => self.leave(partition, None),
            Ended::Displaced(detail) => self.dispute(partition, &detail),
        }
    }
}
