//! What has become of the letters: counted while they are sent, and reported at the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;

use super::Plan;
use crate::deliver::dead_letter::LetterId;
use crate::event::{EventId, RejectReason};
use crate::telemetry::TargetHealth;

/// Refusals that the report lists one by one; the others are only counted.
const MAX_LISTED_REFUSALS: usize = 20;

/// The letters as they go on.
#[derive(Debug)]
pub struct Account {
    state: Mutex<State>,
    targets: Vec<(Arc<str>, Arc<TargetHealth>)>,
}

#[derive(Debug)]
struct State {
    letters: u64,
    totals: BTreeMap<Arc<str>, Figures>,
    reasons: BTreeMap<&'static str, u64>,
    refusals: Vec<Refusal>,
    left: BTreeMap<String, u64>,
    /// What targets said of letters whose settlement has not been seen yet.
    said: HashMap<(Arc<str>, EventId), (RejectReason, String)>,
}

/// What became of the letters of one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Letters that were to be sent.
    pub letters: u64,
    /// Acknowledged by the target, and marked as done.
    pub delivered: u64,
    /// Refused once more, by the map or the target; they stay.
    pub refused: u64,
    /// Without a final word; they stay.
    pub unsettled: u64,
}

/// A letter that was refused once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The letter.
    pub id: LetterId,
    /// The target.
    pub target: Arc<str>,
    /// Class of the refusal.
    pub reason: RejectReason,
    /// The peer's text, or ours.
    pub detail: String,
}

/// The figures at the end; serialized, the last line of `dead-letters replay --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    #[serde(rename = "type")]
    line_type: &'static str,
    /// All targets together.
    #[serde(flatten)]
    pub total: Figures,
    /// From the first letter read to the last settlement.
    pub seconds: f64,
    /// Letters that could not be sent, by what to do about it.
    pub left: BTreeMap<String, u64>,
    /// Refused letters by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The first of the refused letters.
    pub refusals: Vec<Refusal>,
    /// Each target, in name order.
    pub targets: BTreeMap<Arc<str>, Figures>,
}

/// Totals at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// All targets together.
    pub figures: Figures,
    /// Why a target takes nothing, if that is so.
    pub blocked: Option<String>,
}

impl Account {
    pub(super) fn new(plan: &Plan, targets: Vec<(Arc<str>, Arc<TargetHealth>)>) -> Arc<Self> {
        let figures = |letters: u64| Figures {
            letters,
            ..Figures::default()
        };
        let totals = plan
            .targets
            .iter()
            .map(|(target, letters)| (Arc::clone(target), figures(letters.len() as u64)));
        let state = State {
            letters: plan.letters(),
            totals: totals.collect(),
            reasons: BTreeMap::new(),
            refusals: Vec::new(),
            left: plan
                .left
                .iter()
                .map(|(left, count)| (left.advice(), *count))
                .collect(),
            said: HashMap::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            targets,
        })
    }

    /// Where they stand.
    pub fn totals(&self) -> Totals {
        let blocked = self.targets.iter().find_map(|(name, health)| {
            let blocked = health.blocked()?;
            Some(format!(
                "target {name} is blocked by {}: {}",
                blocked.reason.as_str(),
                blocked.detail
            ))
        });
        Totals {
            figures: self.lock().total(),
            blocked,
        }
    }

    /// Letters that a target acknowledged and that are marked as done.
    pub(super) fn delivered(&self, target: &Arc<str>, letters: u64) {
        self.lock().of(target).delivered += letters;
    }

    /// What the target says of a record it refuses; its settlement follows.
    pub(super) fn said(&self, target: Arc<str>, event_id: EventId, reason: RejectReason, detail: String) {
        self.lock().said.insert((target, event_id), (reason, detail));
    }

    /// A letter whose record the target refused.
    pub(super) fn refused_by_target(&self, target: &Arc<str>, id: LetterId, event_id: EventId) {
        let said = self.lock().said.remove(&(Arc::clone(target), event_id));
        let (reason, detail) = said.unwrap_or((RejectReason::Refused, String::new()));
        self.refused(target, id, reason, detail);
    }

    /// A letter that was refused once more.
    pub(super) fn refused(&self, target: &Arc<str>, id: LetterId, reason: RejectReason, detail: String) {
        let mut state = self.lock();
        state.of(target).refused += 1;
        *state.reasons.entry(reason.as_str()).or_default() += 1;
        if state.refusals.len() < MAX_LISTED_REFUSALS {
            state.refusals.push(Refusal {
                id,
                target: Arc::clone(target),
                reason,
                detail,
            });
        }
    }

    pub(super) fn report(&self, elapsed: Duration) -> Report {
        let state = self.lock();
        let with_rest = |(target, figures): (&Arc<str>, &Figures)| (Arc::clone(target), figures.with_rest());
        Report {
            line_type: "summary",
            total: state.total().with_rest(),
            seconds: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            left: state.left.clone(),
            reasons: state.reasons.clone(),
            refusals: state.refusals.clone(),
            targets: state.totals.iter().map(with_rest).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl State {
    fn of(&mut self, target: &Arc<str>) -> &mut Figures {
        self.totals.entry(Arc::clone(target)).or_default()
    }

    fn total(&self) -> Figures {
        let sum = |of: fn(&Figures) -> u64| self.totals.values().map(of).sum();
        Figures {
            letters: self.letters,
            delivered: sum(|figures| figures.delivered),
            refused: sum(|figures| figures.refused),
            unsettled: 0,
        }
    }
}

impl Figures {
    fn with_rest(self) -> Self {
        Self {
            unsettled: self.letters.saturating_sub(self.delivered + self.refused),
            ..self
        }
    }
}
