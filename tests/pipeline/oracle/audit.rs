//! (f) the audit claims no more than what happened, reaches every stored position, and adds up.

use hub2siem::acknowledge::TargetAccount;
use hub2siem::audit::history::What;
use hub2siem::audit::report::{self, Choice, Report};

use super::{Oracle, Stored};

impl Oracle {
    /// What the audit says now. To be read before confirmations are: those only become more.
    pub fn audit(&self) -> Report {
        let state = self.directory.join("state");
        report::read(&[state], &Choice::default()).expect("the audit can be read")
    }

    /// Compares it with checkpoints that were read before it, and with confirmations.
    pub(super) fn check_audit(&self, report: &Report, stored: &[Stored]) {
        assert_eq!(report.damaged, [], "(f)");
        for partition in &report.partitions {
            for finding in &partition.findings {
                let is_explained = match &finding.what {
                    What::Numbers { .. } | What::Records { .. } => false,
                    // Only a hub that changed may leave a hole.
                    What::Hole { .. } => self.lives.len() > 1,
                    _ => true,
                };
                assert!(
                    is_explained,
                    "(f) {} of {:?}: {finding:?}",
                    partition.partition, partition.group
                );
            }
            let reaches = partition.days.values().next_back().map(|day| day.to);
            let is_of = |stored: &&Stored| {
                let is_of_group = stored.consumer_group.to_lowercase() == partition.group.name;
                is_of_group && stored.partition.to_string() == partition.partition.as_str()
            };
            if let (Some(reaches), Some(stored)) = (reaches, stored.iter().find(is_of))
                && self.lives.len() == 1
            {
                let number = stored.checkpoint.sequence_number.0;
                assert!(
                    reaches >= number,
                    "(f) the audit ends at {reaches}, stored is {stored:?}"
                );
            }
        }
        for (target, confirmed) in self.plan.targets.iter().zip(&self.confirmed) {
            let days = report
                .partitions
                .iter()
                .flat_map(|partition| partition.days.values());
            let sums = days.filter_map(|day| day.totals.targets.get(target.name));
            let delivered: u64 = sums.map(|sums| sums.ends.delivered).sum();
            assert!(
                delivered <= confirmed.len() as u64,
                "(f) {delivered} records of {} are said to be delivered, {} are",
                target.name,
                confirmed.len()
            );
        }
    }

    /// After a stop with everything settled: what was confirmed is in the audit.
    pub(super) fn check_final_audit(&self, report: &Report) {
        if self.lives.len() > 1 {
            // What was in flight of a hub that is gone has no place in the numbers of the new one.
            return;
        }
        for (target, confirmed) in self.plan.targets.iter().zip(&self.confirmed) {
            // A snapshot that was delivered just before a kill is no change when it is read again.
            let counted = sum(report, target.name, |ends| {
                ends.delivered + ends.repeated + if target.changes_only { ends.suppressed } else { 0 }
            });
            assert!(
                counted >= confirmed.len() as u64,
                "(f) {counted} records of {} are in the audit, {} were delivered",
                target.name,
                confirmed.len()
            );
        }
    }
}

/// A sum over everything at one target.
fn sum(report: &Report, target: &str, number: impl Fn(&TargetAccount) -> u64) -> u64 {
    let days = report
        .partitions
        .iter()
        .flat_map(|partition| partition.days.values());
    let sums = days.filter_map(|day| day.totals.targets.get(target));
    sums.map(|sums| number(&sums.ends)).sum()
}
