//! The whole account against an oracle: random outcomes in random order, positions that cannot be stored, kills and resumes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::history::{History, What, history};
use super::journal::Journal;
use super::line::Line;
use super::recorder::{Recorded, Recorder};
use super::{Totals, file, places};
use crate::acknowledge::{InFlight, Mark, Settlement, Targets, Ticket, Window};
use crate::event::{Event, Offset, PartitionId, RejectReason, SequenceNumber, Timestamp};

const TARGETS: [&str; 3] = ["a", "b", "c"];
const HUB: Timestamp = Timestamp::from_millis(1);

/// What becomes of one record at one target.
#[derive(Debug, Clone, Copy)]
enum End {
    Delivered,
    DeadLettered(RejectReason),
    Filtered,
    Suppressed,
}

/// One event of the hub.
#[derive(Debug, Clone)]
struct Planned {
    /// Numbers before it that retention removed.
    lost: u64,
    records: Vec<[End; 3]>,
    /// Whether a part of it cannot be decoded.
    has_undecodable: bool,
}

/// What happens next in a run.
#[derive(Debug, Clone)]
enum Step {
    /// The next event arrives.
    Receive,
    /// One of the open tickets is settled.
    Settle(prop::sample::Index),
    /// The mark is recorded, and stored unless that fails.
    Checkpoint { is_stored: bool },
    /// The process is killed and begins again after the stored position.
    Kill,
    /// It is stopped: recorded, stored, and begun again.
    Stop,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Delivered),
        1 => Just(End::DeadLettered(RejectReason::Refused)),
        1 => Just(End::DeadLettered(RejectReason::MapError)),
        2 => Just(End::Filtered),
        1 => Just(End::Suppressed),
    ]
}

fn planned() -> impl Strategy<Value = Planned> {
    let lost = prop_oneof![9 => Just(0_u64), 1 => 1..5_u64];
    let records = prop::collection::vec([end(), end(), end()], 0..3);
    (lost, records, prop::bool::weighted(0.1)).prop_map(|(lost, records, has_undecodable)| Planned {
        lost,
        records,
        has_undecodable,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Receive),
        12 => any::<prop::sample::Index>().prop_map(Step::Settle),
        3 => prop::bool::weighted(0.8).prop_map(|is_stored| Step::Checkpoint { is_stored }),
        1 => Just(Step::Kill),
        1 => Just(Step::Stop),
    ]
}

/// The hub and what the oracle knows.
struct Hub {
    /// Events by their numbers, in order.
    events: BTreeMap<i64, Planned>,
}

impl Hub {
    fn new(planned: Vec<Planned>) -> Self {
        let mut number = -1;
        let events = planned.into_iter().map(|event| {
            number += 1 + event.lost as i64;
            (number, event)
        });
        Self {
            events: events.collect(),
        }
    }

    /// The sums up to a position, by counting.
    fn totals(&self, to: i64) -> Totals {
        let mut totals = Totals::default();
        if self.events.range(..=to).next().is_none() {
            return totals;
        }
        for name in TARGETS {
            totals.targets.insert(name.to_owned(), Default::default());
        }
        for (_, event) in self.events.range(..=to) {
            totals.events += 1;
            totals.gaps.lost += event.lost;
            totals.records += event.records.len() as u64 + u64::from(event.has_undecodable);
            if event.has_undecodable {
                *totals.letters.entry(RejectReason::Undecodable).or_default() += 1;
            }
            for record in &event.records {
                for (name, end) in TARGETS.iter().zip(record) {
                    let target = totals.targets.get_mut(*name).expect("it was made above");
                    target.records += 1;
                    let target = &mut target.ends;
                    match end {
                        End::Delivered => target.delivered += 1,
                        End::Filtered => target.filtered += 1,
                        End::Suppressed => target.suppressed += 1,
                        End::DeadLettered(reason) => *target.letters.entry(*reason).or_default() += 1,
                    }
                }
            }
        }
        totals
    }
}

/// One process.
struct Run {
    recorder: Recorder,
    in_flight: Arc<InFlight>,
    recorded: Option<Recorded>,
    received: i64,
    open: Vec<(Ticket, Settlement)>,
}

impl Run {
    fn start(directory: &Path, stored: i64) -> Self {
        let start = Mark {
            sequence_number: SequenceNumber(stored),
            offset: Offset::new(""),
            enqueued_time: HUB,
        };
        let targets = Targets::new(TARGETS.map(Arc::from));
        let window = Window::new(1000, 1 << 20);
        let in_flight = InFlight::following(PartitionId::new("0"), 0, window, targets, Some(start));
        in_flight.set_origin("checkpoint");
        Self {
            recorder: Recorder::open(directory, "$Default".into()).expect("the directory is free"),
            in_flight,
            recorded: None,
            received: stored,
            open: Vec::new(),
        }
    }

    /// The same in the place of the process before, which has ended.
    fn restart(directory: &Path, stored: i64) -> Self {
        wait_for_locks(directory);
        Self::start(directory, stored)
    }

    fn receive(&mut self, hub: &Hub) {
        let Some((number, planned)) = hub.events.range(self.received + 1..).next() else {
            return;
        };
        if planned.lost > 0 {
            self.in_flight.lost(planned.lost);
        }
        self.received = *number;
        let event = self.in_flight.begin(&Event {
            partition: PartitionId::new("0"),
            sequence_number: SequenceNumber(*number),
            offset: Offset::new(""),
            enqueued_time: HUB,
            body: Bytes::new(),
            last_enqueued: None,
        });
        event.counts_records(planned.records.len() as u32 + u32::from(planned.has_undecodable));
        if planned.has_undecodable {
            let settlement = Settlement::DeadLettered(RejectReason::Undecodable);
            self.open.push((event.ticket(), settlement));
        }
        for record in &planned.records {
            for (target, end) in record.iter().enumerate() {
                let settlement = match end {
                    End::Delivered => Settlement::Delivered,
                    End::DeadLettered(reason) => Settlement::DeadLettered(*reason),
                    End::Filtered => {
                        event.filtered(target);
                        continue;
                    }
                    End::Suppressed => {
                        event.suppressed(target);
                        continue;
                    }
                };
                self.open.push((event.ticket_for(target), settlement));
            }
        }
        event.close();
    }

    fn settle(&mut self, index: prop::sample::Index) {
        if !self.open.is_empty() {
            let (ticket, settlement) = self.open.swap_remove(index.index(self.open.len()));
            ticket.settle(settlement);
        }
    }

    /// Records what is settled; stores it unless told not to, and then says where.
    async fn checkpoint(&mut self, is_stored: bool) -> Option<i64> {
        let standing = self.in_flight.standing()?;
        let recorded = self.recorded.as_ref();
        let line = self
            .recorder
            .line(&self.in_flight, Some(HUB), &standing, recorded);
        let line = line?;
        self.recorder
            .record(vec![Line::Settled(line.clone())])
            .await
            .expect("the disk takes it");
        if !is_stored {
            return None;
        }
        self.recorder.stored(&line);
        self.recorded = Some(Recorded::of(&standing));
        Some(line.to.0)
    }
}

/// Waits until no file of the process before is locked. Whatever starts a program in this process, as insta does once, lends
/// it all open files until it begins, and with them their locks: dropped is then not yet unlocked.
fn wait_for_locks(directory: &Path) {
    for entry in std::fs::read_dir(directory.join("audit/1")).expect("the directory can be read") {
        let path = entry.expect("the directory can be read").path();
        let file = File::open(path).expect("the file can be opened");
        file.lock().expect("it can be locked");
        // By hand, because this file too may be lent.
        file.unlock().expect("it is locked");
    }
}

fn read(directory: &Path) -> Vec<Line> {
    read_place(directory, 1)
}

/// The lines of one of the processes that had the directory at the same time.
fn read_place(directory: &Path, place: u32) -> Vec<Line> {
    let audit = directory.join(format!("audit/{place}"));
    let mut lines = Vec::new();
    for (_, path) in places::files(&audit).expect("the directory can be read") {
        let content = file::read(&path).expect("the file can be read");
        assert_eq!(content.damaged, []);
        lines.extend(content.lines);
    }
    lines
}

/// Checks the history against the oracle, and returns it.
fn check(directory: &Path, hub: &Hub) -> Result<(History, i64), TestCaseError> {
    let lines = read(directory);
    let position = lines.iter().rev().find_map(|line| match line {
        Line::Settled(line) => Some(line.to.0),
        Line::Standing(_) => None,
    });
    let position = position.unwrap_or(-1);
    let history = history(vec![lines]);
    let mut sum = Totals::default();
    history.days.values().for_each(|day| sum.add(&day.totals));
    prop_assert_eq!(&sum, &hub.totals(position));
    let problems: Vec<_> = history
        .findings
        .iter()
        .filter(|it| it.what.is_problem())
        .collect();
    prop_assert!(problems.is_empty(), "{:?}", problems);
    Ok((history, position))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Scenario: events with random ends are settled in random order, recorded and stored, sometimes not stored, by
    /// processes that are killed or stopped at any moment.
    /// Guarantees: the sums always equal those of an oracle up to the last line, however often events were read; nothing
    /// is missing between lines; and at the end everything is counted once.
    #[test]
    fn totals_equal_the_oracle(
        planned in prop::collection::vec(planned(), 1..40),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let directory = directory.path();
        let hub = Hub::new(planned);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (mut stored, mut kills) = (-1, 0);
        let mut run = Run::start(directory, stored);
        for step in steps {
            match step {
                Step::Receive => run.receive(&hub),
                Step::Settle(index) => run.settle(index),
                Step::Checkpoint { is_stored } => {
                    stored = runtime.block_on(run.checkpoint(is_stored)).unwrap_or(stored);
                }
                Step::Kill => {
                    kills += 1;
                    drop(run);
                    check(directory, &hub)?;
                    run = Run::restart(directory, stored);
                }
                Step::Stop => {
                    stored = runtime.block_on(run.checkpoint(true)).unwrap_or(stored);
                    let standing = run.recorder.reconcile(std::slice::from_ref(&run.in_flight), true);
                    runtime.block_on(standing).expect("the disk takes it");
                    drop(run);
                    check(directory, &hub)?;
                    run = Run::restart(directory, stored);
                }
            }
        }
        while run.received < *hub.events.keys().next_back().expect("there is an event") {
            run.receive(&hub);
        }
        run.open.drain(..).for_each(|(ticket, settlement)| ticket.settle(settlement));
        runtime.block_on(run.checkpoint(true));
        let standing = run.recorder.reconcile(std::slice::from_ref(&run.in_flight), true);
        runtime.block_on(standing).expect("the disk takes it");
        let (history, position) = check(directory, &hub)?;
        prop_assert_eq!(position, *hub.events.keys().next_back().expect("there is an event"));
        prop_assert_eq!(history.in_flight, 0);
        let found = history.findings.iter().filter(|it| matches!(it.what, What::Killed { .. })).count();
        prop_assert!(found <= kills, "{:?}", history.findings);

        // What is made small says the same.
        let before = read(directory);
        let after = super::merge::merge(before.clone());
        prop_assert!(after.len() <= before.len());
        let (before, after) = (super::history::history(vec![before]), super::history::history(vec![after]));
        let sums = |history: &History| {
            let mut sum = Totals::default();
            history.days.values().for_each(|day| sum.add(&day.totals));
            sum
        };
        prop_assert_eq!(sums(&before), sums(&after));
        prop_assert_eq!(before.findings, after.findings);
        prop_assert_eq!(before.in_flight, after.in_flight);
    }
}

/// Scenario: a process is killed, and its lock is still held when the next one begins: by a program that it was about to
/// start, say.
/// Guarantees: the next one has a place of its own, and what both wrote is everything, counted once.
#[test]
fn a_lock_that_outlives_its_process_costs_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let planned = Planned {
        lost: 0,
        records: vec![[End::Delivered; 3]],
        has_undecodable: false,
    };
    let hub = Hub::new(vec![planned; 4]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let read_two = |stored| {
        let mut run = Run::start(directory, stored);
        (0..2).for_each(|_| run.receive(&hub));
        run.open
            .drain(..)
            .for_each(|(ticket, settlement)| ticket.settle(settlement));
        runtime.block_on(run.checkpoint(true))
    };
    assert_eq!(read_two(-1), Some(1));
    let lock = File::open(directory.join("audit/1/lock")).expect("it can be opened");
    lock.lock().expect("it can be locked");
    assert_eq!(read_two(1), Some(3));
    let places = [1, 2].map(|place| read_place(directory, place));
    assert_eq!(places.each_ref().map(Vec::len), [1, 1]);
    for is_turned in [false, true] {
        let mut sources = places.to_vec();
        if is_turned {
            sources.reverse();
        }
        let history = history(sources);
        let mut sum = Totals::default();
        history.days.values().for_each(|day| sum.add(&day.totals));
        assert_eq!(sum, hub.totals(3));
        let problem = history.findings.iter().find(|it| it.what.is_problem());
        assert_eq!(problem, None);
    }
}

/// Scenario: a process writes more than a file may hold, over two days; the next one finds the files.
/// Guarantees: files are made small without losing a sum, and those that are too old go.
#[test]
fn files_stay_small_and_say_the_same() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let audit = directory.path().join("audit/1");
    let day_millis = 24 * 60 * 60 * 1000;
    let start = Timestamp::from_millis(1_700_000_000_000);
    let line = |number: i64, time: Timestamp| {
        let totals = Totals {
            events: 1,
            records: 1,
            ..Totals::default()
        };
        Line::Settled(super::line::Settled {
            time,
            since: None,
            partition: PartitionId::new("0"),
            reading: super::line::Reading {
                run: "run".to_owned(),
                generation: 0,
            },
            hub_created_at: Some(HUB),
            begins: None,
            from: SequenceNumber(number - 1),
            to: SequenceNumber(number),
            in_flight: 0,
            totals,
        })
    };
    let mut journal = Journal::open(directory.path(), start).expect("it can be opened");
    journal.limit_to(2000);
    for number in 0..200 {
        let time = Timestamp::from_millis(start.as_millis() + number / 100 * day_millis);
        journal
            .append(&[line(number, time)], time)
            .expect("it can be written");
    }
    let files = places::files(&audit).expect("the directory can be read");
    let sizes = files
        .iter()
        .map(|(_, path)| std::fs::metadata(path).expect("it is there").len());
    assert!(sizes.into_iter().all(|size| size < 4500), "{files:?}");
    assert_eq!(files.len(), 2);
    let totals = |lines| {
        let history = history(vec![lines]);
        assert_eq!(history.findings, []);
        history
            .days
            .values()
            .map(|day| day.totals.events)
            .collect::<Vec<_>>()
    };
    assert_eq!(totals(read(directory.path())), [100, 100]);

    // Beside the first process a second one has a place of its own.
    Journal::open(directory.path(), start).expect("it can be opened");
    assert!(directory.path().join("audit/2").is_dir());
    drop(journal);
    wait_for_locks(directory.path());
    let much_later = Timestamp::from_millis(start.as_millis() + 401 * day_millis);
    Journal::open(directory.path(), much_later).expect("it can be opened");
    assert_eq!(totals(read(directory.path())), [100]);
}
