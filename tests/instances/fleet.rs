//! The stage: one hub with numbered items, one receiver, one blob store, and instances that come and go.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::audited::Audited;
use super::azurite::container::Blob;
use super::azurite::{Azurite, Container, installed};
use super::feed::Feed;
use super::harness::{LATER, Receiver, SOON, TOKEN, wait_for};
use super::instance::{Claim, Instance, Settings};
use super::ledger::Ledger;
use super::proxy::Proxy;
use super::turn::Turn;

/// Partitions of the hub.
pub const PARTITIONS: usize = 8;
/// How often ownership is renewed, and when it is over; short, so that a test sees many of both, but longer than a busy
/// machine stands still.
const INTERVAL: (&str, Duration) = ("1s", Duration::from_secs(1));
const EXPIRY: (&str, Duration) = ("10s", Duration::from_secs(10));
/// The expiry of an instance that nobody else takes anything from.
pub const SHORT_EXPIRY: (&str, Duration) = ("4s", Duration::from_secs(4));
/// The longest wait between two cycles.
const WAIT_MAX: Duration = Duration::from_millis(1200);
/// What a machine that does much else may add; with it a wait is still shorter than the minute for which strangers are left
/// alone.
const BUSY: Duration = Duration::from_secs(45);
/// Events that an instance may hold.
pub const WINDOW: u32 = 200;
/// What may settle before a checkpoint is written while partitions are shared, and while the write is under way; and what
/// settles in the five seconds between two writes at the rate of a partition here.
const STORED_EVERY: u64 = 500 + 100;

/// More items than any test lets the hub get.
const ITEMS_MAX: usize = 100_000;

/// A fleet and everything around it.
pub struct Fleet {
    pub instances: BTreeMap<&'static str, Instance>,
    pub receiver: Receiver,
    pub azurite: Azurite,
    pub ledger: Ledger,
    /// Whoever joins from now on keeps checkpoints there.
    pub container: &'static str,
    /// Whoever joins from now on has these.
    pub strategy: &'static str,
    pub start: &'static str,
    /// What is not renewed for so long is over, for whoever joins from now on.
    pub expiry: (&'static str, Duration),
    /// Events of a partition that settled while no position could be stored.
    pub unstored: u64,
    /// Items that nobody has to read.
    pub unread: u64,
    pub feed: Feed,
    pub runtime: Runtime,
    directory: TempDir,
    /// Where whoever joins from now on finds the hub, if not at its own address.
    address: Option<SocketAddr>,
    /// Claims of instances that are gone.
    past_claims: Vec<Claim>,
    /// Where each instance that ever joined keeps its state.
    states: Vec<PathBuf>,
    /// Instances that were killed.
    kills: usize,
    _turn: Turn,
}

impl Fleet {
    /// A hub that gets `rate` items a second, and nobody who reads it. `None` where there is no blob store.
    pub fn new(untested: &str, rate: u64) -> Option<Self> {
        let turn = Turn::take();
        let runtime = Runtime::new().expect("a runtime can be made");
        let installed = runtime.block_on(installed(untested))?;
        let azurite = runtime.block_on(Azurite::start(&installed));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        let receiver = Receiver::start(path, "receiver", 0, TOKEN);
        let feed = Feed::start(&runtime, rate);
        for (name, secret) in [
            ("hub", &*feed.hub.connection_string()),
            ("storage", &azurite.connection_string()),
            ("token", TOKEN),
        ] {
            fs::write(path.join(format!("{name}.secret")), secret).expect("the directory is writable");
        }
        let mut ledger = Ledger::new(ITEMS_MAX, PARTITIONS);
        ledger.follow(&receiver.events);
        Some(Self {
            instances: BTreeMap::new(),
            container: "checkpoints",
            strategy: "greedy",
            start: "earliest",
            expiry: EXPIRY,
            unstored: 0,
            unread: 0,
            past_claims: Vec::new(),
            states: Vec::new(),
            kills: 0,
            receiver,
            azurite,
            ledger,
            runtime,
            feed,
            directory,
            address: None,
            _turn: turn,
        })
    }

    /// Lets one more join.
    #[track_caller]
    pub fn join(&mut self, name: &'static str) {
        self.join_with(name, &[]);
    }

    /// The same, with variables of its environment.
    #[track_caller]
    pub fn join_with(&mut self, name: &'static str, environment: &[(&str, &str)]) {
        let instance = Instance::start(name, &self.settings(), environment);
        self.add(name, instance);
    }

    /// Lets one join that looks at the ownership every two minutes only: longer than what is tried meanwhile takes.
    #[track_caller]
    pub fn join_slowly(&mut self, name: &'static str) {
        let settings = Settings {
            interval: "2m",
            expiry: "6m",
            ..self.settings()
        };
        let instance = Instance::start(name, &settings, &[]);
        self.add(name, instance);
    }

    fn add(&mut self, name: &'static str, instance: Instance) {
        self.states.push(self.directory.path().join(name).join("state"));
        self.instances.insert(name, instance);
    }

    fn settings(&self) -> Settings<'_> {
        Settings {
            directory: self.directory.path(),
            receiver: self.receiver.address,
            container: self.container,
            address: self.address,
            strategy: self.strategy,
            start: self.start,
            interval: INTERVAL.0,
            expiry: self.expiry.0,
            window_events: WINDOW,
        }
    }

    /// Whoever joins from now on reaches the hub by a proxy only, until [`Fleet::mend_the_way_to_the_hub`].
    pub fn break_the_way_to_the_hub(&mut self) -> Proxy {
        let proxy = Proxy::start(self.feed.hub.address());
        let proxy = self.runtime.block_on(proxy);
        self.address = Some(proxy.address());
        proxy
    }

    /// Whoever joins from now on reaches the hub directly.
    pub fn mend_the_way_to_the_hub(&mut self) {
        self.address = None;
    }

    /// Writes down another owner of a partition, as one who steals it would.
    pub fn take_over(&self, partition: usize, owner_id: &str) {
        let container = Container::new(&self.azurite, self.container);
        self.runtime.block_on(async {
            let blobs = container.list().await;
            let suffix = format!("/ownership/{partition}");
            let blob = blobs
                .iter()
                .find(|blob| blob.name.ends_with(&suffix))
                .expect("it is owned");
            container.set_metadata(&blob.name, &[("ownerid", owner_id)]).await;
        });
    }

    /// Lets one leave by SIGTERM.
    #[track_caller]
    pub fn leave(&mut self, name: &str) {
        let instance = self.take(name);
        instance.bridge.process.stop();
    }

    /// Kills one.
    pub fn kill(&mut self, name: &str) {
        let instance = self.take(name);
        instance.bridge.process.kill();
        self.kills += 1;
    }

    fn take(&mut self, name: &str) -> Instance {
        let instance = self.instances.remove(name).expect("it was started");
        self.past_claims.extend(instance.claims());
        instance
    }

    /// Who owns each partition by the store, free ones left out.
    pub fn owners(&self) -> BTreeMap<usize, String> {
        let blobs = self.blobs("/ownership/").into_iter();
        blobs
            .map(|(partition, mut blob)| (partition, blob.metadata.remove("ownerid").unwrap_or_default()))
            .filter(|(_, owner)| !owner.is_empty())
            .collect()
    }

    /// The stored sequence number of each partition.
    pub fn checkpoints(&self) -> BTreeMap<usize, i64> {
        let blobs = self.blobs("/checkpoint/").into_iter();
        blobs
            .map(|(partition, blob)| {
                let number = blob.metadata["sequencenumber"].parse().expect("a number");
                (partition, number)
            })
            .collect()
    }

    fn blobs(&self, folder: &str) -> Vec<(usize, Blob)> {
        let container = Container::new(&self.azurite, self.container);
        let blobs = self.runtime.block_on(container.list());
        let found = blobs.into_iter().filter_map(|blob| {
            let (_, partition) = blob.name.split_once(folder)?;
            Some((partition.parse().expect("a partition is a number"), blob))
        });
        found.collect()
    }

    /// Whether `names` own everything, equally, know it, and are attached to all of it.
    pub fn is_balanced_among(&self, names: &[&str]) -> bool {
        let owners = self.owners();
        let share = PARTITIONS / names.len()..=PARTITIONS.div_ceil(names.len());
        let counts = names.iter().map(|name| {
            let instance = &self.instances[name];
            let count = owners
                .values()
                .filter(|owner| **owner == instance.owner_id)
                .count();
            (count, instance.shares() == (count, count))
        });
        let counts: Vec<_> = counts.collect();
        let owned: usize = counts.iter().map(|(count, _)| count).sum();
        owned == PARTITIONS
            && counts
                .iter()
                .all(|(count, is_known)| *is_known && share.contains(count))
    }

    /// Waits until all who are there are balanced: that takes two intervals, once `expiring` what was left has expired.
    #[track_caller]
    pub fn settle(&self, expiring: bool) -> Duration {
        let names: Vec<_> = self.instances.keys().copied().collect();
        self.settle_among(&names, expiring)
    }

    /// The same of some, while the others stand still.
    #[track_caller]
    pub fn settle_among(&self, names: &[&str], expiring: bool) -> Duration {
        let start = Instant::now();
        let expiry = if expiring { self.expiry() } else { Duration::ZERO };
        wait_for("balance", expiry + 2 * WAIT_MAX + BUSY, || {
            self.is_balanced_among(names).then_some(())
        });
        let took = start.elapsed();
        eprintln!("balanced among {names:?} after {:.1} s", took.as_secs_f64());
        took
    }

    /// Waits until `count` more items have arrived.
    #[track_caller]
    pub fn receive(&mut self, count: u64) {
        let goal = self.ledger.total() + count;
        wait_for("more items", LATER, || {
            (self.ledger.total() >= goal).then_some(())
        });
    }

    /// Appends nothing more, and waits until everything has arrived.
    #[track_caller]
    pub fn drain(&mut self) {
        self.feed.pause(&self.runtime);
        let items = self.feed.appended() - self.unread;
        wait_for("every item", LATER, || {
            (self.ledger.total() == items).then_some(())
        });
    }

    /// Waits until the positions of everything are stored, once nothing more is appended.
    #[track_caller]
    pub fn store(&self) {
        wait_for("the last positions", SOON, || {
            (self.checkpoints() == self.last_positions()).then_some(())
        });
    }

    fn last_positions(&self) -> BTreeMap<usize, i64> {
        let last = self.feed.last();
        (0..PARTITIONS).map(|partition| (partition, last)).collect()
    }

    /// Waits until everything has arrived, stops all, and looks whether that is all there should be.
    #[track_caller]
    pub fn finish(mut self) {
        self.drain();
        let names: Vec<_> = self.instances.keys().copied().collect();
        for name in names {
            // What one leaves, the next ones have just taken over.
            wait_for("readiness", SOON, || {
                let (status, _) = self.instances[name].bridge.ready()?;
                (status == 200).then_some(())
            });
            self.leave(name);
        }
        self.ledger.refresh(|_, _| {});
        assert_eq!(self.checkpoints(), self.last_positions(), "the last positions");
        assert_eq!(self.owners(), BTreeMap::new(), "everything was given back");
        self.check_repeats();
        self.check_audit();
    }

    /// What the instances recorded, all together: every event once, none of them missing, and nobody ended but who was killed.
    #[track_caller]
    fn check_audit(&self) {
        let audited = Audited::of(&self.states);
        assert!(audited.balanced && audited.code == 0, "{}", audited.output);
        let items = self.feed.appended() - self.unread;
        assert_eq!(audited.sum("", "settled"), items, "{}", audited.output);
        for (number, expected) in [("records", items), ("delivered", items), ("dead_lettered", 0)] {
            assert_eq!(audited.sum("soc-splunk", number), expected, "{}", audited.output);
        }
        let told = |words: &str| audited.texts.iter().filter(|text| text.contains(words)).count();
        let kills = told("ended without a stop");
        assert!(kills <= self.kills * PARTITIONS, "{}", audited.output);
        eprintln!(
            "{kills} ends, {} moves under load",
            told("took the partition over")
        );
    }

    /// Every claim but a partition's first is a move, and a move repeats what the window holds and what had settled since
    /// the last checkpoint.
    fn check_repeats(&self) {
        let mut in_all = 0;
        for partition in 0..PARTITIONS {
            let claims = self
                .past_claims
                .iter()
                .filter(|claim| claim.partition == partition);
            let moves = claims.count() as u64 - 1;
            let arrivals = self.ledger.arrivals.iter().skip(partition).step_by(PARTITIONS);
            let repeats: u64 = arrivals
                .clone()
                .map(|times| u64::from(times.saturating_sub(1)))
                .sum();
            let most = arrivals.max().copied().unwrap_or_default();
            let allowed = moves * (u64::from(WINDOW) + STORED_EVERY + self.unstored);
            assert!(
                repeats <= allowed && u64::from(most) <= 1 + moves,
                "partition {partition}: {repeats} repeats, one of them {most} times, after {moves} moves"
            );
            eprintln!("partition {partition}: {moves} moves, {repeats} repeats");
            in_all += repeats;
        }
        eprintln!("{in_all} repeats of {} items", self.feed.appended());
    }

    /// The longest time after which nobody owns what was not renewed.
    pub fn expiry(&self) -> Duration {
        self.expiry.1
    }

    /// Every claim that was made so far.
    pub fn claims(&self) -> Vec<Claim> {
        let present = self.instances.values().flat_map(Instance::claims);
        self.past_claims.iter().cloned().chain(present).collect()
    }
}
