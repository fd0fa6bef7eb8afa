//! Which partition an instance should claim next, decided from what all of them wrote down.
//!
//! Deliberately absent: I/O, and any clock of this machine. Whether an ownership has expired is told by the clock of the
//! store, which also wrote when it was renewed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;

use crate::checkpoint::blob::{Etag, Listing, Ownership};
use crate::event::{PartitionId, Timestamp};

/// What was not renewed for so many times the expiry is for anybody. Whoever has least takes a free partition within an
/// interval, unless it is the one that cannot read it.
const ABANDONED: u32 = 2;

/// What an instance knows when it decides.
#[derive(Debug, Clone, Copy)]
pub struct View<'v> {
    /// Who we are.
    pub owner_id: &'v str,
    /// The partitions of the hub.
    pub partitions: &'v BTreeSet<PartitionId>,
    /// What stands in the store.
    pub listing: &'v Listing,
    /// An ownership that was not renewed for this long is nobody's.
    pub expiry: Duration,
    /// Partitions we read already, or try to.
    pub read: &'v BTreeSet<PartitionId>,
    /// Partitions we must leave alone for now.
    pub disputed: &'v BTreeSet<PartitionId>,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The one partition to claim; after that, look again.
    pub claim: Option<Claim>,
    /// Whether we have our share and nothing is left to claim.
    pub is_balanced: bool,
    /// Instances that own something, and we.
    pub instances: usize,
    /// Partitions that nobody owns.
    pub unowned: usize,
}

/// One partition that is to become ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The partition.
    pub partition: PartitionId,
    /// The version that the claim replaces; `None` while nothing stands there.
    pub expected: Option<Etag>,
    /// Whose it was.
    pub origin: Origin,
}

/// Whose a claimed partition was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody's: never owned, or given back.
    Nobody,
    /// That of an instance which stopped renewing.
    Expired(String),
    /// Ours, though we do not read it.
    Ourselves,
    /// That of another instance, which has more than its share.
    Instance(String),
}

/// Decides by the rule that the official clients follow: as many as everybody else, one more while there is a remainder,
/// free ones first, and none from an instance that would have less than us afterwards. Beyond that rule, what nobody takes is
/// taken by whoever is there.
///
/// Source: Azure/azure-sdk-for-net, `PartitionLoadBalancer.cs`.
pub fn plan(view: View<'_>, random: &mut impl Rng) -> Plan {
    let held = Held::of(view);
    let instances = held.active.len();
    let at_least = view.partitions.len() / instances;
    let mine = held.active[view.owner_id].len();
    let claim = held.own(view).or_else(|| {
        let is_behind = mine < at_least;
        // Only one that has the least may take what is left over.
        let takes_remainder = mine == at_least && held.active.values().all(|own| own.len() >= at_least);
        (is_behind || takes_remainder)
            .then(|| {
                held.free(view, random)
                    .or_else(|| held.steal(view, at_least, is_behind, random))
            })
            .flatten()
            .or_else(|| held.abandoned(view, random))
    });
    Plan {
        is_balanced: claim.is_none() && mine >= at_least,
        claim,
        instances,
        unowned: held.free.len(),
    }
}

/// Whether an ownership still counts at `server_time`.
pub fn is_active(ownership: &Ownership, server_time: Timestamp, expiry: Duration) -> bool {
    !ownership.owner_id.is_empty() && is_recent(ownership, server_time, expiry)
}

/// Whether an ownership was written less than `age` before `server_time`.
fn is_recent(ownership: &Ownership, server_time: Timestamp, age: Duration) -> bool {
    let age_millis = server_time.millis_since(ownership.last_modified);
    age_millis < i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
}

/// Who holds what.
struct Held<'v> {
    /// By instance, we among them even with nothing.
    active: BTreeMap<&'v str, Vec<&'v Ownership>>,
    /// Partitions without an active owner, with what stands there.
    free: Vec<(&'v PartitionId, Option<&'v Ownership>)>,
}

impl<'v> Held<'v> {
    fn of(view: View<'v>) -> Self {
        let mut active = BTreeMap::from([(view.owner_id, Vec::new())]);
        let mut free = Vec::new();
        let records: BTreeMap<_, _> = view
            .listing
            .ownerships
            .iter()
            .map(|ownership| (&ownership.partition, ownership))
            .collect();
        for partition in view.partitions {
            match records.get(partition) {
                Some(record) if is_active(record, view.listing.server_time, view.expiry) => {
                    active.entry(&*record.owner_id).or_default().push(*record);
                }
                record => free.push((partition, record.copied())),
            }
        }
        Self { active, free }
    }

    /// One of ours that nobody reads: a claim whose answer was lost, or one we were displaced from.
    fn own(&self, view: View<'_>) -> Option<Claim> {
        let own = self.active[view.owner_id].iter();
        let mut unread = own.filter(|record| is_claimable(&record.partition, view));
        unread.next().map(|record| claim_of(record, Origin::Ourselves))
    }

    fn free(&self, view: View<'_>, random: &mut impl Rng) -> Option<Claim> {
        self.free_if(|_| true, view, random)
    }

    /// Of the free ones only those that have been so for long.
    fn abandoned(&self, view: View<'_>, random: &mut impl Rng) -> Option<Claim> {
        let server_time = view.listing.server_time;
        let is_abandoned = |record: &Ownership| !is_recent(record, server_time, view.expiry * ABANDONED);
        self.free_if(|record| record.is_some_and(is_abandoned), view, random)
    }

    /// Any one at random: two instances that both took the first would be in each other's way at every look.
    fn free_if(
        &self,
        is_wanted: impl Fn(Option<&Ownership>) -> bool,
        view: View<'_>,
        random: &mut impl Rng,
    ) -> Option<Claim> {
        let free: Vec<_> = self
            .free
            .iter()
            .filter(|(partition, record)| is_claimable(partition, view) && is_wanted(*record))
            .collect();
        let (partition, record) = free.choose(random)?;
        Some(match record {
            Some(record) if record.owner_id == view.owner_id => claim_of(record, Origin::Ourselves),
            Some(record) if !record.owner_id.is_empty() => {
                claim_of(record, Origin::Expired(record.owner_id.clone()))
            }
            Some(record) => claim_of(record, Origin::Nobody),
            None => Claim {
                partition: (*partition).clone(),
                expected: None,
                origin: Origin::Nobody,
            },
        })
    }

    /// One of who has more than one above its share; else, if we have less than ours, of who has one above.
    fn steal(
        &self,
        view: View<'_>,
        at_least: usize,
        is_behind: bool,
        random: &mut impl Rng,
    ) -> Option<Claim> {
        let of_others = |is_victim: &dyn Fn(usize) -> bool| {
            let others = self.active.iter().filter(|(owner, _)| **owner != view.owner_id);
            let victims = others.filter(|(_, records)| is_victim(records.len()));
            victims
                .flat_map(|(_, records)| records.iter().copied())
                .filter(|record| is_claimable(&record.partition, view))
                .collect::<Vec<_>>()
        };
        let mut candidates = of_others(&|count| count > at_least + 1);
        if candidates.is_empty() && is_behind {
            candidates = of_others(&|count| count == at_least + 1);
        }
        let record = candidates.choose(random)?;
        Some(claim_of(record, Origin::Instance(record.owner_id.clone())))
    }
}

fn is_claimable(partition: &PartitionId, view: View<'_>) -> bool {
    !view.read.contains(partition) && !view.disputed.contains(partition)
}

fn claim_of(record: &Ownership, origin: Origin) -> Claim {
    Claim {
        partition: record.partition.clone(),
        expected: Some(record.etag.clone()),
        origin,
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod simulation;
