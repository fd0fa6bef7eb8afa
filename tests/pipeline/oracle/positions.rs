//! (d) for targets that share a group: a position of one's own passes nothing that this target has not settled.

use hub2siem::checkpoint::Checkpoint;

use super::Oracle;

impl Oracle {
    /// How far a target is ahead of the checkpoint of its group, as it is stored.
    pub fn position(&self, group: &str, partition: u32, target: &str) -> Option<i64> {
        let stored = super::checkpoints(&self.directory.join("state"));
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
