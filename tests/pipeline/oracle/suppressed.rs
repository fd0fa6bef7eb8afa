//! (a) for targets that get changed snapshots only: what they did not get is what they have.

use serde_json::Value;

use super::super::items::Item;
use super::super::plan::TargetPlan;
use super::Oracle;

impl Oracle {
    /// Whether a target owes nothing for a snapshot it did not confirm: the record of the same item that it confirmed
    /// last, of those sent before, said the same.
    ///
    /// Holds for items whose records all go to one partition: only then they are met in the order sent.
    pub(super) fn may_be_suppressed(&self, target: &TargetPlan, group: &str, id: &str, item: &Item) -> bool {
        let Some(key) = item
            .key
            .as_ref()
            .filter(|_| item.is_snapshot && target.changes_only)
        else {
            return false;
        };
        let confirmed = &self.confirmed[self.index(target.name)];
        let history = &self.history[key];
        let place = history.iter().position(|other| other == id);
        let place = place.expect("what was sent is in the history of its key");
        for earlier in history[..place].iter().rev() {
            let record = &self.records[earlier];
            let letter = (earlier.clone(), group.to_owned(), Some(target.name.to_owned()));
            if self.letters.contains(&letter) {
                return false;
            }
            if confirmed.contains(earlier) {
                return !is_delete(record) && state(record) == state(item);
            }
            if !record.is_snapshot {
                return false;
            }
        }
        false
    }

    /// Snapshots that a target did not get, of those sent to it.
    pub fn suppressed(&mut self, target: &str) -> usize {
        self.refresh();
        let index = self.index(target);
        let plan = &self.plan.targets[index];
        let missing = self.records.iter().filter(|(id, item)| {
            item.is_snapshot && plan.wants(item) && !self.confirmed[index].contains(*id)
        });
        missing.count()
    }
}

fn state(item: &Item) -> Value {
    let mut document = document(item);
    let members = document.as_object_mut().expect("an item is an object");
    members.remove("securityEventDataEnrichment");
    document
}

fn is_delete(item: &Item) -> bool {
    document(item)["securityEventDataEnrichment"]["action"] == "Delete"
}

fn document(item: &Item) -> Value {
    serde_json::from_slice(&item.bytes).expect("an item is JSON")
}
