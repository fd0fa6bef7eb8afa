//! The cases every target kind has to answer for, and how they are run.

use std::future::Future;
use std::pin::Pin;

use super::stage::Account;

/// How one kind answers for one case.
pub enum Case {
    /// By this test. It ends with assertions on what the peer received, under which ids, and how each record settled.
    Run(fn() -> Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Not at all, for this reason.
    NotApplicable(&'static str),
}

/// One target kind and its cases.
pub struct Kind {
    /// Its key in the configuration.
    pub name: &'static str,
    /// Everything is taken. Every record is delivered once, whole, in order, with its id where the form has one.
    pub success: Case,
    /// The peer refuses one record in the middle for good. That one is a dead letter with the peer's text; the others
    /// are delivered.
    pub refused: Case,
    /// The peer fails for a while. Nothing settles before it recovers, and nothing is lost or refused.
    pub retryable: Case,
    /// The peer refuses who we are or where we write. The target is blocked and says why, no record is a dead letter, and
    /// it goes on by itself once that is mended.
    pub blocked: Case,
    /// One record is larger than the peer or the target allows. Only that one is a dead letter, or it is shortened where
    /// the kind says so.
    pub oversize: Case,
    /// The queue ends with records on their way: they are confirmed before the workers return. If the grace period ends
    /// first, the workers return at once and what is not confirmed is not settled.
    pub drain: Case,
    /// The same records are sent by a second run, as after a kill: they carry the same ids.
    pub redelivery: Case,
}

/// Picks one case of a kind.
pub type Choice = fn(&Kind) -> &Case;

/// Every case by name.
pub const CASES: [(&str, Choice); 7] = [
    ("success", |kind| &kind.success),
    ("refused", |kind| &kind.refused),
    ("retryable", |kind| &kind.retryable),
    ("blocked", |kind| &kind.blocked),
    ("oversize", |kind| &kind.oversize),
    ("drain", |kind| &kind.drain),
    ("redelivery", |kind| &kind.redelivery),
];

/// Runs a case for all kinds at once; the failure names those that failed.
pub async fn run(kinds: &[Kind], case: Choice) {
    let mut runs = Vec::new();
    for kind in kinds {
        match case(kind) {
            Case::Run(test) => runs.push((kind.name, tokio::spawn(test()))),
            Case::NotApplicable(reason) => println!("{}: not applicable: {reason}", kind.name),
        }
    }
    let mut failed = Vec::new();
    for (name, run) in runs {
        if run.await.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "failed for {failed:?}; see above");
}

impl Account {
    /// All records up to `count` are delivered.
    pub fn delivered(count: i64) -> Self {
        Self {
            delivered: (0..count).collect(),
            ..Self::default()
        }
    }

    /// All but these, which are dead letters for `reason`.
    pub fn except(mut self, numbers: &[i64], reason: hub2siem::event::RejectReason) -> Self {
        self.delivered.retain(|number| !numbers.contains(number));
        self.dead.extend(numbers.iter().map(|number| (*number, reason)));
        self
    }
}
