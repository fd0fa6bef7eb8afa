//! Whether a link that brings nothing is well, by what the hub says meanwhile. Only judges; see `stuck` for what is done.

use std::time::{Duration, Instant};

use crate::event::SequenceNumber;

/// The longest time between two tries to mend a link: a new connection disturbs the other partitions on the old one.
const MAX_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What the hub and the link said at one moment, while nothing arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// Whether the hub had newer events than were received.
    pub(super) is_behind: bool,
    /// Whether the hub keeps no event of the partition any more.
    pub(super) is_emptied: bool,
    /// Number of the hub's newest event.
    pub(super) newest: SequenceNumber,
    /// Whether the hub has credit to send. Without it silence is what we asked for.
    pub(super) has_credit: bool,
}

/// What that means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, or nothing yet.
    Well,
    /// What the hub had is gone before it was read.
    Emptied,
    /// The link is dead, though it does not say so.
    Stuck,
}

/// Follows one link after another.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Duration,
    suspicion: Option<Suspicion>,
    /// Since when the hub leaves questions without an answer, while nothing arrives.
    unanswered_since: Option<Instant>,
    /// New connections in a row that brought no event.
    tries: u32,
}

#[derive(Debug, Clone, Copy)]
struct Suspicion {
    since: Instant,
    /// The hub's newest event, where it keeps none.
    emptied: Option<SequenceNumber>,
}

impl Watch {
    /// Suspects nothing. A suspicion has to last for `patience`; longer after each try that did not help.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            suspicion: None,
            unanswered_since: None,
            tries: 0,
        }
    }

    /// New connections in a row that brought no event, the one included that a verdict of `Stuck` asks for.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// Something happened on the link, or it ended: what was seen before says nothing any more.
    pub(super) fn stirred(&mut self) {
        self.suspicion = None;
        self.unanswered_since = None;
    }

    /// An event arrived. How many new connections that took.
    pub(super) fn event(&mut self) -> u32 {
        self.stirred();
        std::mem::take(&mut self.tries)
    }

    /// Judges by what was seen at `now`. Silence must last, with everything else as it was, before it means anything.
    pub(super) fn seen(&mut self, seen: Observation, now: Instant) -> Verdict {
        self.unanswered_since = None;
        if !seen.is_behind {
            self.tries = 0;
        }
        if !seen.is_behind || !seen.has_credit {
            self.suspicion = None;
            return Verdict::Well;
        }
        let emptied = seen.is_emptied.then_some(seen.newest);
        let known = self.suspicion.filter(|known| known.emptied == emptied);
        let suspicion = *self
            .suspicion
            .insert(known.unwrap_or(Suspicion { since: now, emptied }));
        if now.duration_since(suspicion.since) < self.patience() {
            return Verdict::Well;
        }
        self.suspicion = None;
        if emptied.is_some() {
            self.tries = 0;
            return Verdict::Emptied;
        }
        self.tries = self.tries.saturating_add(1);
        Verdict::Stuck
    }

    /// Judges a question that got no answer at `now`, asked while the hub had credit and sent nothing. A session that is dead
    /// carries neither events nor answers, and its connection may look well.
    pub(super) fn unanswered(&mut self, now: Instant) -> Verdict {
        let since = *self.unanswered_since.get_or_insert(now);
        if now.duration_since(since) < self.patience() {
            return Verdict::Well;
        }
        self.stirred();
        self.tries = self.tries.saturating_add(1);
        Verdict::Stuck
    }

    fn patience(&self) -> Duration {
        let grown = self.patience.saturating_mul(1 << self.tries.min(16));
        grown.min(MAX_PATIENCE.max(self.patience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Scenario: a link brings nothing and questions get no answer; once in between the hub answers that nothing waits; then
    /// never again.
    /// Guarantees: silence of both for as long as patience lasts asks for a new connection, then more rarely; an answer ends
    /// the suspicion.
    #[test]
    fn neither_events_nor_answers_mean_a_dead_session() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut watch = Watch::new(PATIENCE);
        assert_eq!(watch.unanswered(at(0)), Verdict::Well);
        assert_eq!(watch.unanswered(at(59)), Verdict::Well);
        let well = Observation {
            is_behind: false,
            ..observation(7)
        };
        assert_eq!(watch.seen(well, at(60)), Verdict::Well);
        assert_eq!(watch.unanswered(at(61)), Verdict::Well);
        assert_eq!(watch.unanswered(at(121)), Verdict::Stuck);
        assert_eq!(watch.tries(), 1);
        assert_eq!(watch.unanswered(at(122)), Verdict::Well);
        assert_eq!(
            watch.unanswered(at(182)),
            Verdict::Well,
            "the next try comes later"
        );
        assert_eq!(watch.unanswered(at(242)), Verdict::Stuck);
    }

    fn observation(newest: i64) -> Observation {
        Observation {
            is_behind: true,
            is_emptied: false,
            newest: SequenceNumber(newest),
            has_credit: true,
        }
    }

    /// Judges one observation after another, each at its second; the verdicts that are not `Well`, with their seconds.
    fn judge(watch: &mut Watch, start: Instant, seen: &[(u64, Observation)]) -> Vec<(u64, Verdict)> {
        let judged = seen.iter().map(|(second, seen)| {
            let now = start + Duration::from_secs(*second);
            (*second, watch.seen(*seen, now))
        });
        judged.filter(|(_, verdict)| *verdict != Verdict::Well).collect()
    }

    /// Scenario: the hub says again and again that it has newer events, which do not come.
    /// Guarantees: the link is given up after a minute, then more and more rarely, at most four times an hour; an event ends
    /// that.
    #[test]
    fn gives_up_a_dead_link_ever_more_rarely() {
        let (start, mut watch) = (Instant::now(), Watch::new(PATIENCE));
        let seen: Vec<_> = (0..100).map(|minute| (minute * 60, observation(9))).collect();
        let verdicts = judge(&mut watch, start, &seen);
        let minutes: Vec<_> = verdicts.iter().map(|(second, _)| second / 60).collect();
        // The suspicion starts anew at the observation after each try.
        assert_eq!(minutes, [1, 4, 9, 18, 34, 50, 66, 82, 98]);
        assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Stuck));
        assert_eq!(watch.event(), 9);
        assert_eq!(watch.tries(), 0);
        let later: Vec<_> = (100..103).map(|minute| (minute * 60, observation(9))).collect();
        assert_eq!(judge(&mut watch, start, &later), [(101 * 60, Verdict::Stuck)]);
    }

    /// Scenario: silence that has a reason: nothing newer, no credit because a target is away, an event or an end between.
    /// Guarantees: it is not held against the link, and a suspicion starts anew after it.
    #[test]
    fn silence_with_a_reason_is_well() {
        let start = Instant::now();
        let reasons = [
            Observation {
                is_behind: false,
                ..observation(9)
            },
            Observation {
                has_credit: false,
                ..observation(9)
            },
        ];
        for reason in reasons {
            let seen = [0, 60, 120, 180].map(|second| (second, reason));
            assert_eq!(judge(&mut Watch::new(PATIENCE), start, &seen), []);
            let seen = [
                (0, observation(9)),
                (59, reason),
                (60, observation(9)),
                (119, observation(9)),
            ];
            let mut watch = Watch::new(PATIENCE);
            assert_eq!(judge(&mut watch, start, &seen), []);
            assert_eq!(watch.tries(), 0);
        }
        // What was tried in vain before counts no longer once nothing waits.
        let mut watch = Watch::new(PATIENCE);
        let stuck = judge(&mut watch, start, &[(0, observation(9)), (60, observation(9))]);
        assert_eq!((stuck.len(), watch.tries()), (1, 1));
        assert_eq!(judge(&mut watch, start, &[(120, reasons[1])]), []);
        assert_eq!(watch.tries(), 1);
        assert_eq!(judge(&mut watch, start, &[(180, reasons[0])]), []);
        assert_eq!(watch.tries(), 0);
        let mut watch = Watch::new(PATIENCE);
        assert_eq!(judge(&mut watch, start, &[(0, observation(9))]), []);
        watch.stirred();
        assert_eq!(judge(&mut watch, start, &[(60, observation(9))]), []);
    }

    /// Scenario: the hub says that it keeps nothing, its newest event moving or not; or says so only now and then.
    /// Guarantees: everything is taken for removed only when the same was said for the whole time.
    #[test]
    fn believes_in_removal_only_when_it_is_said_twice() {
        let emptied = |newest| Observation {
            is_emptied: true,
            ..observation(newest)
        };
        let start = Instant::now();
        let cases = [
            (
                vec![(0, emptied(9)), (60, emptied(9))],
                vec![(60, Verdict::Emptied)],
            ),
            (vec![(0, emptied(9)), (60, emptied(10))], vec![]),
            (
                vec![(0, emptied(9)), (30, observation(9)), (60, emptied(9))],
                vec![],
            ),
            (vec![(0, observation(9)), (60, emptied(9))], vec![]),
        ];
        for (seen, expected) in cases {
            let mut watch = Watch::new(PATIENCE);
            assert_eq!(judge(&mut watch, start, &seen), expected, "{seen:?}");
            assert_eq!(watch.tries(), 0);
        }
    }
}
