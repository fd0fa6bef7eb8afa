//! (d) for targets that share a group: a position of one's own passes nothing that this target has not settled, and
//! after a start the target gets nothing again of what it passed.

use std::collections::HashSet;
use std::fs;

use hub2siem::checkpoint::Checkpoint;

use super::super::plan::Sink;
use super::{Oracle, checkpoints};

/// What a file target must not get in one run of the bridge. Of a Splunk target nobody could tell: a request of the run
/// before may still be on its way.
#[derive(Debug)]
pub(super) struct Passed {
    target: &'static str,
    /// Size of its file as the run began, without a torn line.
    file_bytes: usize,
    /// Records up to its own position, ahead of its group.
    ids: HashSet<String>,
}

impl Oracle {
    /// Notes what each target had passed when a run of the bridge begins, and looks at the run before.
    pub fn begin_run(&mut self) {
        self.check_repeats();
        let targets = self.plan.targets.iter();
        let files = targets.filter(|target| target.sink == Sink::File && !target.changes_only);
        self.passed = files
            .map(|target| {
                let bytes = fs::read(self.outputs[self.index(target.name)].path()).unwrap_or_default();
                let end = bytes.iter().rposition(|byte| *byte == b'\n');
                Passed {
                    target: target.name,
                    file_bytes: end.map_or(0, |end| end + 1),
                    ids: self.passed_ids(target.name, target.group_name()),
                }
            })
            .collect();
    }

    /// After a start no target got again what it had passed alone.
    pub fn check_repeats(&self) {
        for passed in &self.passed {
            let bytes = fs::read(self.outputs[self.index(passed.target)].path()).unwrap_or_default();
            for line in bytes[passed.file_bytes..].split_inclusive(|byte| *byte == b'\n') {
                let Ok(line) = serde_json::from_slice::<serde_json::Value>(line) else {
                    assert!(!line.ends_with(b"\n"), "a whole line is JSON");
                    continue;
                };
                let id = line["event_id"].as_str().expect("every record has its id");
                assert!(
                    !passed.ids.contains(id),
                    "(d) {} got {id} again, which it had passed before this run",
                    passed.target
                );
            }
        }
    }

    fn passed_ids(&self, target: &str, group: &str) -> HashSet<String> {
        let mut ids = HashSet::new();
        for stored in checkpoints(&self.directory.join("state")) {
            let Some(position) = stored.checkpoint.targets.get(target) else {
                continue;
            };
            // The positions of a hub that is gone say nothing.
            let created_at = stored.checkpoint.hub_created_at.unwrap_or(self.lives[0]);
            let life = self.lives.len() - 1;
            if stored.consumer_group != group || created_at < self.lives[life] {
                continue;
            }
            let events = self.events.get(&(life, stored.partition)).into_iter().flatten();
            let passed = events.filter(|sent| sent.sequence_number <= position.sequence_number.0);
            ids.extend(passed.flat_map(|sent| sent.items.iter().map(|(id, _)| id.clone())));
        }
        ids
    }

    /// How far a target is ahead of the checkpoint of its group, as it is stored.
    pub fn position(&self, group: &str, partition: u32, target: &str) -> Option<i64> {
        let stored = checkpoints(&self.directory.join("state"));
        let stored = stored
            .into_iter()
            .find(|stored| stored.consumer_group == group && stored.partition == partition)?;
        let position = stored.checkpoint.targets.get(target)?;
        Some(position.sequence_number.0)
    }

    pub(super) fn check_positions(&self, checkpoint: &Checkpoint, life: usize, group: &str, partition: u32) {
        let events = self.events.get(&(life, partition)).map_or(&[][..], Vec::as_slice);
        for (name, position) in &checkpoint.targets {
            let target = self.plan.targets.iter().find(|target| target.name == name);
            let target = target.unwrap_or_else(|| panic!("(d) a position of `{name}`, which is no target"));
            assert_eq!(target.group_name(), group, "(d) {name} is of another group");
            assert!(
                position.sequence_number > checkpoint.sequence_number,
                "(d) {name} is not ahead of its group: {checkpoint:?}"
            );
            let passed = events.iter().filter(|sent| {
                sent.sequence_number > checkpoint.sequence_number.0
                    && sent.sequence_number <= position.sequence_number.0
                    && !sent.is_excused
                    && !sent.is_unreadable
            });
            for sent in passed {
                for (id, item) in &sent.items {
                    let is_owed = item.kind != "undecodable" && target.wants(item);
                    assert!(
                        !is_owed || self.is_settled_at(target, id, item),
                        "(d) group {group}, partition {partition}: the position {} of {name} passes the unsettled {sent:?}",
                        position.sequence_number
                    );
                }
            }
        }
    }
}
