//! What must be true of every run, checked from outside: what was sent, what the receivers confirmed, what is on disk.
//!
//! (a) everything received is delivered to each routed target or dead-lettered; (b) nothing is delivered that was not
//! received; (c) payloads are equal; (d) no checkpoint on disk passes an unsettled record. (e), a fresh event arrives
//! once faults end, is a wait of the stage for (a). (f) the audit claims no more than what happened.

mod audit;
mod deliveries;
mod positions;
mod suppressed;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use hub2siem::event::{EventId, Hub, PartitionId, SequenceNumber, Timestamp};
use serde::Deserialize;

use super::files::{Stored, Tail, checkpoints, list};
use super::items::{Item, Parcel};
use super::plan::{Plan, Sink, TargetPlan};

/// The account of one hub, over all of its lives and all runs of the bridge.
#[derive(Debug)]
pub struct Oracle {
    plan: Plan,
    hub: Hub,
    directory: PathBuf,
    /// When each life of the hub began.
    lives: Vec<Timestamp>,
    events: BTreeMap<(usize, u32), Vec<Sent>>,
    records: HashMap<String, Item>,
    /// `event_id`s of each item key, in the order sent.
    history: HashMap<String, Vec<String>>,
    /// Confirmed `event_id`s, by target.
    confirmed: Vec<HashSet<String>>,
    outputs: Vec<Tail>,
    letters: HashSet<(String, String, Option<String>)>,
    /// Consumer group, partition and number of events that were dead-lettered unread.
    unreadable: HashSet<(String, u32, i64)>,
    letter_files: Vec<Tail>,
    /// Whole letters, for tests that look closer.
    pub dead_letters: Vec<Letter>,
    /// Events from the beginning of a partition that are known to be settled in a group.
    verified: HashMap<(String, usize, u32), usize>,
    /// What targets had passed as the present run of the bridge began.
    passed: Vec<positions::Passed>,
}

/// One event as it was sent.
#[derive(Debug)]
struct Sent {
    sequence_number: i64,
    items: Vec<(String, Item)>,
    is_unreadable: bool,
    /// Nobody owes it: it was before the start, or the hub removed it.
    is_excused: bool,
}

/// A dead letter, as far as it is compared.
#[derive(Debug, Clone, Deserialize)]
pub struct Letter {
    pub event_id: Option<String>,
    pub consumer_group: String,
    pub partition: String,
    pub sequence_number: i64,
    pub kind: String,
    pub key: Option<String>,
    pub target: Option<String>,
    pub stage: String,
    pub reason: String,
    pub body: Option<String>,
    pub rendered: Option<String>,
}

/// What one group still owes for one event.
struct Owed<'o> {
    group: &'static str,
    partition: u32,
    sent: &'o Sent,
}

impl Oracle {
    pub fn new(plan: &Plan, namespace: &str, directory: &Path) -> Self {
        let output = |name: &str| Tail::new(directory.join(format!("{name}.jsonl")));
        Self {
            hub: Hub {
                namespace: namespace.into(),
                name: "defender".into(),
            },
            directory: directory.to_owned(),
            lives: vec![Timestamp::from_millis(0)],
            events: BTreeMap::new(),
            records: HashMap::new(),
            history: HashMap::new(),
            confirmed: vec![HashSet::new(); plan.targets.len()],
            outputs: plan.targets.iter().map(|target| output(target.name)).collect(),
            letters: HashSet::new(),
            unreadable: HashSet::new(),
            letter_files: Vec::new(),
            dead_letters: Vec::new(),
            verified: HashMap::new(),
            passed: Vec::new(),
            plan: plan.clone(),
        }
    }

    /// Notes an event that the hub took in.
    pub fn sent(
        &mut self,
        partition: u32,
        sequence_number: SequenceNumber,
        time: Timestamp,
        parcel: &Parcel,
    ) {
        let name = PartitionId::new(partition.to_string());
        let items: Vec<_> = parcel
            .items
            .iter()
            .zip(0..)
            .map(|(item, index)| {
                let id = EventId::new(&self.hub, &name, sequence_number, time, index).to_string();
                (id, item.clone())
            })
            .collect();
        self.records.extend(items.iter().cloned());
        for (id, item) in &items {
            if let Some(key) = &item.key {
                self.history.entry(key.clone()).or_default().push(id.clone());
            }
        }
        let life = self.lives.len() - 1;
        self.events.entry((life, partition)).or_default().push(Sent {
            sequence_number: sequence_number.0,
            items,
            is_unreadable: parcel.is_unreadable,
            is_excused: false,
        });
    }

    /// Notes that events of a partition before `sequence_number` are owed by nobody.
    pub fn excuse(&mut self, partition: u32, sequence_number: i64) {
        let life = self.lives.len() - 1;
        for sent in self.events.entry((life, partition)).or_default() {
            sent.is_excused |= sent.sequence_number < sequence_number;
        }
    }

    /// Notes that everything so far is settled, and that the routes of `plan` count from now on.
    pub fn reroute(&mut self, plan: &Plan) {
        for sent in self.events.values_mut().flatten() {
            sent.is_excused = true;
        }
        self.plan = plan.clone();
    }

    /// Notes that the hub is about to be made anew: what was not read is gone with it.
    pub fn begin_life(&mut self) {
        for sent in self.events.values_mut().flatten() {
            sent.is_excused = true;
        }
        self.lives.push(Timestamp::now());
    }

    /// Whether every record of every event is settled at every target.
    pub fn is_settled(&mut self) -> bool {
        self.refresh();
        self.owed().next().is_none()
    }

    /// The first few unsettled events in words, for a failed wait.
    pub fn describe_owed(&mut self) -> String {
        self.refresh();
        let owed: Vec<_> = self
            .owed()
            .map(|owed| {
                let number = owed.sent.sequence_number;
                let kinds: Vec<_> = owed.sent.items.iter().map(|(_, item)| item.kind).collect();
                format!(
                    "group {} partition {} event {number} {kinds:?}",
                    owed.group, owed.partition
                )
            })
            .collect();
        format!(
            "{} events are not settled, first: {:#?}",
            owed.len(),
            &owed[..owed.len().min(5)]
        )
    }

    /// Number of confirmed records of a target.
    pub fn confirmed(&mut self, target: &str) -> usize {
        self.refresh();
        self.confirmed[self.index(target)].len()
    }

    /// (d), now: no checkpoint on disk passes an unsettled record.
    pub fn check_checkpoints(&mut self) {
        // Read before what was confirmed: settlements only become more.
        let stored = checkpoints(&self.directory.join("state"));
        let audit = self.audit();
        self.refresh();
        for stored in &stored {
            self.check_checkpoint(stored);
        }
        self.check_audit(&audit, &stored);
    }

    /// The stored number of a partition in a group.
    pub fn checkpoint(&self, group: &str, partition: u32) -> Option<i64> {
        checkpoints(&self.directory.join("state"))
            .into_iter()
            .find(|stored| stored.consumer_group == group && stored.partition == partition)
            .map(|stored| stored.checkpoint.sequence_number.0)
    }

    /// After a stop with everything settled: every checkpoint stands at the last event of its partition.
    pub fn check_final_checkpoints(&mut self) {
        self.check_checkpoints();
        self.check_final_audit(&self.audit());
        let life = self.lives.len() - 1;
        for ((_, partition), events) in self.events.iter().filter(|((of, _), _)| *of == life) {
            let last = events.last().filter(|last| !last.is_excused);
            for group in self.plan.groups() {
                let stored = self.checkpoint(group, *partition);
                assert!(
                    last.is_none_or(|last| stored == Some(last.sequence_number)),
                    "group {group}, partition {partition}: {stored:?} is stored after a clean stop, sent was {last:?}"
                );
            }
        }
    }

    fn check_checkpoint(&mut self, stored: &Stored) {
        let checkpoint = &stored.checkpoint;
        let created_at = checkpoint.hub_created_at.unwrap_or(self.lives[0]);
        let life = self.lives.iter().rposition(|began| *began <= created_at);
        let life = life.expect("the first life began at the beginning of time");
        let key = (stored.consumer_group.clone(), life, stored.partition);
        let verified = self.verified.get(&key).copied().unwrap_or(0);
        let Some(group) = self
            .plan
            .groups()
            .into_iter()
            .find(|group| *group == stored.consumer_group)
        else {
            panic!("(d) a checkpoint of a group nobody reads: {stored:?}");
        };
        let events = self
            .events
            .get(&(life, stored.partition))
            .map_or(&[][..], Vec::as_slice);
        let passed = events.partition_point(|sent| sent.sequence_number <= checkpoint.sequence_number.0);
        for sent in &events[verified.min(passed)..passed] {
            let owed = Owed {
                group,
                partition: stored.partition,
                sent,
            };
            assert!(
                sent.is_excused || self.is_event_settled(&owed),
                "(d) in {}: group {group}, partition {}: checkpoint {} passes the unsettled {sent:?}; confirmed: {:?}",
                self.directory.display(),
                stored.partition,
                checkpoint.sequence_number,
                self.confirmed_by_target(sent),
            );
        }
        self.verified.insert(key, passed.max(verified));
        self.check_positions(&stored.checkpoint, life, &stored.consumer_group, stored.partition);
    }

    fn owed(&self) -> impl Iterator<Item = Owed<'_>> {
        let groups = self.plan.groups();
        self.events.iter().flat_map(move |((_, partition), events)| {
            let groups = groups.clone();
            events
                .iter()
                .filter(|sent| !sent.is_excused)
                .flat_map(move |sent| {
                    groups.clone().into_iter().map(move |group| Owed {
                        group,
                        partition: *partition,
                        sent,
                    })
                })
                .filter(|owed| !self.is_event_settled(owed))
        })
    }

    /// For each record of an event, the targets that confirmed it.
    fn confirmed_by_target(&self, sent: &Sent) -> Vec<Vec<&str>> {
        let confirmed = |id: &String| {
            let targets = self.plan.targets.iter().zip(&self.confirmed);
            targets
                .filter(|(_, ids)| ids.contains(id))
                .map(|(target, _)| target.name)
                .collect()
        };
        sent.items.iter().map(|(id, _)| confirmed(id)).collect()
    }

    fn is_event_settled(&self, owed: &Owed<'_>) -> bool {
        if owed.sent.is_unreadable {
            let key = (owed.group.to_owned(), owed.partition, owed.sent.sequence_number);
            return self.unreadable.contains(&key);
        }
        owed.sent
            .items
            .iter()
            .all(|(id, item)| self.is_record_settled(owed.group, id, item))
    }

    fn is_record_settled(&self, group: &str, id: &str, item: &Item) -> bool {
        let has_letter = |target: Option<&str>| {
            let key = (id.to_owned(), group.to_owned(), target.map(str::to_owned));
            self.letters.contains(&key)
        };
        let targets = &self.plan.targets;
        let is_unrouted = item.kind == "unknown"
            && group == self.plan.unrouted_group()
            && self.plan.unrouted_unknown == "dead_letter"
            && !targets.iter().any(|target| target.routes(item));
        if item.kind == "undecodable" || is_unrouted {
            return has_letter(None);
        }
        targets
            .iter()
            .filter(|target| target.group_name() == group && target.wants(item))
            .all(|target| self.is_settled_at(target, id, item))
    }

    /// Whether a target that wants a record has it, or a dead letter, or what it has already says the same.
    fn is_settled_at(&self, target: &TargetPlan, id: &str, item: &Item) -> bool {
        let group = target.group_name();
        let letter = (id.to_owned(), group.to_owned(), Some(target.name.to_owned()));
        self.confirmed[self.index(target.name)].contains(id)
            || self.letters.contains(&letter)
            || self.may_be_suppressed(target, group, id, item)
    }

    /// Takes in what was confirmed and dead-lettered since the last call.
    fn refresh(&mut self) {
        for ((target, output), confirmed) in self
            .plan
            .targets
            .iter()
            .zip(&mut self.outputs)
            .zip(&mut self.confirmed)
        {
            for line in output.lines() {
                let line: serde_json::Value = serde_json::from_slice(&line).expect("a line is JSON");
                let id = match target.sink {
                    Sink::Splunk => &line["fields"]["event_id"],
                    Sink::File => &line["event_id"],
                };
                confirmed.insert(id.as_str().expect("every record has its id").to_owned());
            }
        }
        for path in list(&self.directory.join("dead-letters")) {
            let is_new = !self.letter_files.iter().any(|tail| tail.path() == path);
            if is_new && path.extension().is_some_and(|extension| extension == "letters") {
                self.letter_files.push(Tail::new(path));
            }
        }
        for line in self.letter_files.iter_mut().flat_map(Tail::lines) {
            // Behind the length and the checksum.
            let json = line
                .splitn(3, |byte| *byte == b' ')
                .nth(2)
                .expect("an entry has three parts");
            let letter: Letter = serde_json::from_slice(json).expect("a dead letter is JSON");
            let group = letter.consumer_group.to_lowercase();
            match &letter.event_id {
                Some(id) => {
                    self.letters.insert((id.clone(), group, letter.target.clone()));
                }
                None => {
                    let partition = letter.partition.parse().expect("partitions have numbers");
                    self.unreadable.insert((group, partition, letter.sequence_number));
                }
            }
            self.dead_letters.push(letter);
        }
    }

    fn index(&self, target: &str) -> usize {
        let index = self.plan.targets.iter().position(|plan| plan.name == target);
        index.unwrap_or_else(|| panic!("no target is called {target}"))
    }
}
