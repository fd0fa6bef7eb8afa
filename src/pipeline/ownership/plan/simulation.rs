//! Fleets over a model of the store, with a clock that only moves when something happens.
//!
//! Every request is a moment of its own, so that others act between what an instance reads and what it writes.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng};

use super::*;

const INTERVAL_MILLIS: i64 = 10_000;
const EXPIRY: Duration = Duration::from_secs(60);
const EXPIRY_MILLIS: i64 = 60_000;
/// The longest wait between two cycles: the interval and a fifth.
const WAIT_MILLIS_MAX: i64 = INTERVAL_MILLIS / 5 * 6;

/// The store: what stands there, and its own clock.
#[derive(Debug, Default)]
struct Store {
    records: BTreeMap<PartitionId, Ownership>,
    versions: u64,
    now_millis: i64,
    /// How far the store's clock is ahead of the fleet's.
    ahead_millis: i64,
}

impl Store {
    /// A write that replaces exactly the version it names.
    fn write(&mut self, partition: &PartitionId, expected: Option<&Etag>, owner_id: &str) -> Option<Etag> {
        let version = self.records.get(partition).map(|record| &record.etag);
        if version != expected {
            return None;
        }
        self.versions += 1;
        let etag = Etag::new(&self.versions.to_string());
        // Written to the second.
        let last_modified = Timestamp::from_millis(self.time().as_millis() / 1000 * 1000);
        let record = Ownership {
            partition: partition.clone(),
            owner_id: owner_id.to_owned(),
            etag: etag.clone(),
            last_modified,
        };
        self.records.insert(partition.clone(), record);
        Some(etag)
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_millis(self.now_millis + self.ahead_millis)
    }

    fn list(&self) -> Listing {
        Listing {
            ownerships: self.records.values().cloned().collect(),
            server_time: self.time(),
        }
    }

    fn owners(&self) -> BTreeMap<PartitionId, String> {
        let active = self
            .records
            .values()
            .filter(|record| is_active(record, self.time(), EXPIRY));
        active
            .map(|record| (record.partition.clone(), record.owner_id.clone()))
            .collect()
    }
}

/// What an instance does at its next moment.
#[derive(Debug)]
enum Phase {
    Renew(Vec<PartitionId>),
    List,
    Claim(Claim),
}

#[derive(Debug)]
struct Instance {
    id: String,
    owned: BTreeMap<PartitionId, Etag>,
    /// What it owns or may claim, and can never read; so it is not renewed.
    unreadable: Option<PartitionId>,
    phase: Phase,
    due_millis: i64,
    cycle_began_millis: i64,
}

impl Instance {
    fn new(id: usize, now_millis: i64) -> Self {
        Self {
            id: format!("instance-{id}"),
            owned: BTreeMap::new(),
            unreadable: None,
            phase: Phase::List,
            due_millis: now_millis,
            cycle_began_millis: now_millis,
        }
    }

    /// Does one request and goes on to the next phase.
    fn step(
        &mut self,
        store: &mut Store,
        partitions: &BTreeSet<PartitionId>,
        is_greedy: bool,
        random: &mut StdRng,
    ) {
        self.due_millis = store.now_millis + random.random_range(2..60);
        self.phase = match std::mem::replace(&mut self.phase, Phase::List) {
            Phase::Renew(mut waiting) => {
                if let Some(partition) = waiting.pop()
                    && let Some(etag) = store.write(&partition, self.owned.get(&partition), &self.id)
                {
                    self.owned.insert(partition, etag);
                }
                match waiting.is_empty() {
                    true => Phase::List,
                    false => Phase::Renew(waiting),
                }
            }
            Phase::List => self.look(store, partitions, random),
            Phase::Claim(claim) => {
                if let Some(etag) = store.write(&claim.partition, claim.expected.as_ref(), &self.id) {
                    self.owned.insert(claim.partition, etag);
                }
                match is_greedy {
                    true => Phase::List,
                    false => self.rest(random),
                }
            }
        };
    }

    fn look(&mut self, store: &Store, partitions: &BTreeSet<PartitionId>, random: &mut StdRng) -> Phase {
        let listing = store.list();
        let own = listing
            .ownerships
            .iter()
            .filter(|record| record.owner_id == self.id);
        let own: BTreeMap<_, _> = own.map(|record| (&record.partition, &record.etag)).collect();
        self.owned
            .retain(|partition, etag| own.get(partition) == Some(&&*etag));
        let view = View {
            owner_id: &self.id,
            partitions,
            listing: &listing,
            expiry: EXPIRY,
            read: &self.owned.keys().cloned().collect(),
            disputed: &BTreeSet::new(),
        };
        match plan(view, random).claim {
            Some(claim) => Phase::Claim(claim),
            None => self.rest(random),
        }
    }

    fn rest(&mut self, random: &mut StdRng) -> Phase {
        let wait_millis = random.random_range(INTERVAL_MILLIS / 5 * 4..=WAIT_MILLIS_MAX);
        self.due_millis = self.due_millis.max(self.cycle_began_millis + wait_millis);
        self.cycle_began_millis = self.due_millis;
        let is_read = |partition: &&PartitionId| self.unreadable.as_ref() != Some(*partition);
        Phase::Renew(self.owned.keys().filter(is_read).cloned().collect())
    }
}

/// What happens to a fleet.
#[derive(Debug, Clone)]
enum Disturbance {
    Join,
    /// One gives back what it owns and ends.
    Leave(usize),
    Crash(usize),
    /// One stands still and goes on with what it knew.
    Freeze(usize, i64),
    /// The store's clock jumps ahead.
    Jump(i64),
}

fn disturbance() -> impl Strategy<Value = (i64, Disturbance)> {
    let disturbance = prop_oneof![
        4 => Just(Disturbance::Join),
        2 => any::<usize>().prop_map(Disturbance::Leave),
        2 => any::<usize>().prop_map(Disturbance::Crash),
        2 => (any::<usize>(), 0..3 * EXPIRY_MILLIS).prop_map(|(who, millis)| Disturbance::Freeze(who, millis)),
        1 => (0..2 * EXPIRY_MILLIS).prop_map(Disturbance::Jump),
    ];
    (0..2 * EXPIRY_MILLIS, disturbance)
}

struct Fleet {
    store: Store,
    partitions: BTreeSet<PartitionId>,
    instances: Vec<Instance>,
    joined: usize,
    is_greedy: bool,
    random: StdRng,
}

impl Fleet {
    fn new(partitions: usize, is_greedy: bool, seed: u64) -> Self {
        let mut fleet = Self {
            store: Store::default(),
            partitions: (0..partitions)
                .map(|id| PartitionId::new(id.to_string()))
                .collect(),
            instances: Vec::new(),
            joined: 0,
            is_greedy,
            random: StdRng::seed_from_u64(seed),
        };
        fleet.join();
        fleet
    }

    fn join(&mut self) {
        self.instances
            .push(Instance::new(self.joined, self.store.now_millis));
        self.joined += 1;
    }

    /// Lets everybody act until `until_millis`.
    fn run(&mut self, until_millis: i64) {
        while let Some(next) = self
            .instances
            .iter_mut()
            .min_by_key(|instance| instance.due_millis)
            && next.due_millis <= until_millis
        {
            self.store.now_millis = self.store.now_millis.max(next.due_millis);
            next.step(
                &mut self.store,
                &self.partitions,
                self.is_greedy,
                &mut self.random,
            );
        }
        self.store.now_millis = until_millis;
    }

    /// Returns when the last effect of it is over.
    fn disturb(&mut self, disturbance: &Disturbance) -> i64 {
        let now_millis = self.store.now_millis;
        let count = self.instances.len();
        match *disturbance {
            Disturbance::Join => self.join(),
            // The last one stays: without anybody nothing is to be seen.
            Disturbance::Leave(_) | Disturbance::Crash(_) if count == 1 => {}
            Disturbance::Leave(who) => {
                let instance = self.instances.swap_remove(who % count);
                for (partition, etag) in instance.owned {
                    self.store.write(&partition, Some(&etag), "");
                }
            }
            Disturbance::Crash(who) => drop(self.instances.swap_remove(who % count)),
            Disturbance::Freeze(who, millis) => {
                let instance = &mut self.instances[who % count];
                instance.due_millis = instance.due_millis.max(now_millis + millis);
                return instance.due_millis;
            }
            Disturbance::Jump(millis) => self.store.ahead_millis += millis,
        }
        now_millis
    }

    /// Every partition has one living owner who knows it, and nobody has two more than another.
    fn check_balance(&self) -> Result<(), TestCaseError> {
        let owners = self.store.owners();
        prop_assert_eq!(owners.len(), self.partitions.len(), "every partition is owned");
        let at_least = self.partitions.len() / self.instances.len();
        for instance in &self.instances {
            let stored: BTreeSet<_> = owners
                .iter()
                .filter(|(_, owner)| **owner == instance.id)
                .map(|(id, _)| id)
                .collect();
            prop_assert_eq!(&stored, &instance.owned.keys().collect(), "of {}", &instance.id);
            let share = at_least..=at_least + 1;
            prop_assert!(
                share.contains(&stored.len()),
                "{} owns {}",
                &instance.id,
                stored.len()
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Scenario: instances join, leave, crash, freeze, and the store's clock jumps, at any moments between two requests.
    /// Guarantees: two intervals after the last expiry every partition has exactly one owner, who knows it, and all have
    /// equally many; nothing moves from then on.
    #[test]
    fn greedy_fleets_settle(
        partitions in 1..33_usize,
        disturbances in proptest::collection::vec(disturbance(), 0..12),
        seed in any::<u64>(),
    ) {
        settles(Fleet::new(partitions, true, seed), &disturbances, 2)?;
    }

    /// The same, claiming once an interval: that takes as many intervals as there are partitions at most.
    #[test]
    fn balanced_fleets_settle(
        partitions in 1..17_usize,
        disturbances in proptest::collection::vec(disturbance(), 0..12),
        seed in any::<u64>(),
    ) {
        settles(Fleet::new(partitions, false, seed), &disturbances, 2 + 2 * partitions as i64)?;
    }

    /// Scenario: of two instances at balance one can no longer read one of its partitions, and everything else well.
    /// Guarantees: in the end the other one has that partition, however even the shares were, and all have equally many.
    #[test]
    fn what_one_cannot_read_goes_to_the_other(partitions in 1..17_usize, seed in any::<u64>()) {
        let mut fleet = Fleet::new(partitions, true, seed);
        fleet.join();
        fleet.run(2 * EXPIRY_MILLIS);
        fleet.check_balance()?;
        let unreadable = PartitionId::new("0");
        let mut owners = fleet.instances.iter_mut();
        let owner = owners.find(|instance| instance.owned.contains_key(&unreadable));
        let owner = owner.expect("every partition is owned");
        owner.unreadable = Some(unreadable.clone());
        let id = owner.id.clone();
        // It may claim the partition again by chance, which takes three expiries each time.
        for _ in 0..30 {
            fleet.run(fleet.store.now_millis + 3 * EXPIRY_MILLIS);
            let owner = fleet.store.owners().remove(&unreadable);
            if owner.is_some_and(|owner| owner != id) && fleet.check_balance().is_ok() {
                return Ok(());
            }
        }
        fleet.check_balance()?;
        prop_assert_ne!(&fleet.store.owners()[&unreadable], &id);
    }
}

fn settles(
    mut fleet: Fleet,
    disturbances: &[(i64, Disturbance)],
    intervals: i64,
) -> Result<(), TestCaseError> {
    let mut over_millis = 0;
    for (wait_millis, disturbance) in disturbances {
        let at_millis = fleet.store.now_millis + wait_millis;
        fleet.run(at_millis);
        over_millis = over_millis.max(fleet.disturb(disturbance));
    }
    fleet.run(over_millis + EXPIRY_MILLIS + intervals * WAIT_MILLIS_MAX);
    fleet.check_balance()?;
    let owners = fleet.store.owners();
    for _ in 0..10 {
        fleet.run(fleet.store.now_millis + INTERVAL_MILLIS);
        prop_assert_eq!(&owners, &fleet.store.owners(), "nothing moves at balance");
    }
    fleet.check_balance()
}
