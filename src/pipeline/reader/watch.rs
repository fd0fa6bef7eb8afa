//! Whether a link that brings nothing is well, by what the hub says meanwhile. Only judges; see `stuck` for what is done.

use std::time::{Duration, Instant};

use crate::event::SequenceNumber;
use crate::eventhub::Standing;

/// The longest time between two tries to mend a link: a new connection disturbs the other partitions on the old one.
const MAX_PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What the hub and the link said at one moment, while nothing arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// What the hub had beside what was received.
    pub(super) standing: Standing,
    /// Whether the hub has credit to send. Without it silence is what we asked for.
    pub(super) has_credit: bool,
}

/// What that means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, or nothing yet.
    Well,
    /// What the hub has was perhaps delivered and could not be read; only a new link can tell, for a dead one that was sent
    /// older events again looks the same.
    Doubted,
    /// What the hub has up to this number was delivered by two links, and cannot be read.
    Unread(SequenceNumber),
    /// What the hub had was removed before it was read.
    Removed,
    /// The link is dead, or leads to a hub that is gone, though it does not say so.
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
    /// The newest event for which a new link was asked for, because it seemed to be one that cannot be read.
    doubted: Option<SequenceNumber>,
    /// New links asked for in that way since an event arrived.
    doubts: u32,
}

#[derive(Debug, Clone, Copy)]
struct Suspicion {
    since: Instant,
    standing: Standing,
}

impl Suspicion {
    /// Whether what is seen now is what was seen then. Further events that cannot be read change nothing about the earlier
    /// ones.
    fn holds(&self, now: Standing) -> bool {
        match (self.standing, now) {
            (Standing::Unread(then), Standing::Unread(now)) => then <= now,
            (then, now) => then == now,
        }
    }
}

impl Watch {
    /// Suspects nothing. A suspicion has to last for `patience`; longer after each try that did not help.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            suspicion: None,
            unanswered_since: None,
            tries: 0,
            doubted: None,
            doubts: 0,
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
        (self.doubted, self.doubts) = (None, 0);
        std::mem::take(&mut self.tries)
    }

    /// Judges by what was seen at `now`. Silence must last, with everything else as it was, before it means anything.
    pub(super) fn seen(&mut self, seen: Observation, now: Instant) -> Verdict {
        self.unanswered_since = None;
        let Observation { standing, has_credit } = seen;
        if standing == Standing::Level {
            (self.tries, self.doubted) = (0, None);
        }
        if standing == Standing::Level || !has_credit {
            self.suspicion = None;
            return Verdict::Well;
        }
        let known = self.suspicion.filter(|known| known.holds(standing));
        let suspicion = *self
            .suspicion
            .insert(known.unwrap_or(Suspicion { since: now, standing }));
        let tries = match standing {
            Standing::Unread(_) => self.doubts,
            _ => self.tries,
        };
        if now.duration_since(suspicion.since) < self.patience(tries) {
            return Verdict::Well;
        }
        self.suspicion = None;
        let verdict = match suspicion.standing {
            Standing::Level => Verdict::Well,
            Standing::Unread(newest) => self.unread(newest),
            Standing::Removed(_) => Verdict::Removed,
            Standing::Behind | Standing::Short => Verdict::Stuck,
        };
        self.tries = match verdict {
            Verdict::Stuck => self.tries.saturating_add(1),
            _ => 0,
        };
        verdict
    }

    /// Judges a question that got no answer at `now`, asked while the hub had credit and sent nothing. A session that is dead
    /// carries neither events nor answers, and its connection may look well.
    pub(super) fn unanswered(&mut self, now: Instant) -> Verdict {
        let since = *self.unanswered_since.get_or_insert(now);
        if now.duration_since(since) < self.patience(self.tries) {
            return Verdict::Well;
        }
        self.stirred();
        self.tries = self.tries.saturating_add(1);
        Verdict::Stuck
    }

    /// Everything up to `newest` was delivered for long enough, and could not be read. What a second link says too is true of
    /// what the first one said; later events wait for one more.
    fn unread(&mut self, newest: SequenceNumber) -> Verdict {
        match self.doubted.take().filter(|doubted| *doubted <= newest) {
            Some(doubted) => Verdict::Unread(doubted),
            None => {
                self.doubted = Some(newest);
                self.doubts = self.doubts.saturating_add(1);
                Verdict::Doubted
            }
        }
    }

    fn patience(&self, tries: u32) -> Duration {
        let grown = self.patience.saturating_mul(1 << tries.min(16));
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
        assert_eq!(watch.seen(LEVEL, at(60)), Verdict::Well);
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

    const BEHIND: Observation = Observation {
        standing: Standing::Behind,
        has_credit: true,
    };
    const LEVEL: Observation = Observation {
        standing: Standing::Level,
        has_credit: true,
    };

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
        let seen: Vec<_> = (0..100).map(|minute| (minute * 60, BEHIND)).collect();
        let verdicts = judge(&mut watch, start, &seen);
        let minutes: Vec<_> = verdicts.iter().map(|(second, _)| second / 60).collect();
        // The suspicion starts anew at the observation after each try.
        assert_eq!(minutes, [1, 4, 9, 18, 34, 50, 66, 82, 98]);
        assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::Stuck));
        assert_eq!(watch.event(), 9);
        assert_eq!(watch.tries(), 0);
        let later: Vec<_> = (100..103).map(|minute| (minute * 60, BEHIND)).collect();
        assert_eq!(judge(&mut watch, start, &later), [(101 * 60, Verdict::Stuck)]);
    }

    /// Scenario: silence that has a reason: nothing newer, no credit because a target is away, an event or an end between.
    /// Guarantees: it is not held against the link, and a suspicion starts anew after it.
    #[test]
    fn silence_with_a_reason_is_well() {
        let start = Instant::now();
        let without_credit = Observation {
            has_credit: false,
            ..BEHIND
        };
        let reasons = [LEVEL, without_credit];
        for reason in reasons {
            let seen = [0, 60, 120, 180].map(|second| (second, reason));
            assert_eq!(judge(&mut Watch::new(PATIENCE), start, &seen), []);
            let seen = [(0, BEHIND), (59, reason), (60, BEHIND), (119, BEHIND)];
            let mut watch = Watch::new(PATIENCE);
            assert_eq!(judge(&mut watch, start, &seen), []);
            assert_eq!(watch.tries(), 0);
        }
        // What was tried in vain before counts no longer once nothing waits.
        let mut watch = Watch::new(PATIENCE);
        let stuck = judge(&mut watch, start, &[(0, BEHIND), (60, BEHIND)]);
        assert_eq!((stuck.len(), watch.tries()), (1, 1));
        assert_eq!(judge(&mut watch, start, &[(120, reasons[1])]), []);
        assert_eq!(watch.tries(), 1);
        assert_eq!(judge(&mut watch, start, &[(180, reasons[0])]), []);
        assert_eq!(watch.tries(), 0);
        let mut watch = Watch::new(PATIENCE);
        assert_eq!(judge(&mut watch, start, &[(0, BEHIND)]), []);
        watch.stirred();
        assert_eq!(judge(&mut watch, start, &[(60, BEHIND)]), []);
    }

    /// Scenario: the hub says that it keeps nothing, its newest event moving or not; or says so only now and then.
    /// Guarantees: everything is taken for removed, or for unreadable, only when the same was said for the whole time; for
    /// unreadable only when a second link, too, was in the same state.
    #[test]
    fn believes_in_removal_only_when_it_is_said_twice() {
        let seen = |standing| Observation { standing, ..BEHIND };
        let removed = |newest| seen(Standing::Removed(SequenceNumber(newest)));
        let unread = |newest| seen(Standing::Unread(SequenceNumber(newest)));
        let start = Instant::now();
        let cases = [
            (
                vec![(0, removed(9)), (60, removed(9))],
                vec![(60, Verdict::Removed)],
            ),
            (vec![(0, removed(9)), (60, removed(10))], vec![]),
            (vec![(0, removed(9)), (30, BEHIND), (60, removed(9))], vec![]),
            (vec![(0, BEHIND), (60, removed(9))], vec![]),
            (
                vec![(0, unread(9)), (60, unread(9)), (70, unread(9)), (190, unread(9))],
                vec![(60, Verdict::Doubted), (190, Verdict::Unread(SequenceNumber(9)))],
            ),
            (vec![(0, unread(9)), (60, unread(8))], vec![]),
            (vec![(0, unread(9)), (60, BEHIND)], vec![]),
        ];
        for (seen, expected) in cases {
            let mut watch = Watch::new(PATIENCE);
            assert_eq!(judge(&mut watch, start, &seen), expected, "{seen:?}");
            assert_eq!(watch.tries(), 0);
        }
    }

    /// Scenario: events that cannot be read go on coming, faster than patience ends; then one that can be read.
    /// Guarantees: those that two links brought are passed, no later ones; links are given up ever more rarely until an event
    /// arrives.
    #[test]
    fn passes_unreadable_events_while_more_of_them_come() {
        let (start, mut watch) = (Instant::now(), Watch::new(PATIENCE));
        let unread = |second: u64| Observation {
            standing: Standing::Unread(SequenceNumber(second as i64)),
            ..BEHIND
        };
        let seen: Vec<_> = (0..=66).map(|half| (half * 30, unread(half * 30))).collect();
        let verdicts = judge(&mut watch, start, &seen);
        let passed = |number| Verdict::Unread(SequenceNumber(number));
        let expected = [
            (60, Verdict::Doubted),
            (210, passed(0)),
            (360, Verdict::Doubted),
            (630, passed(240)),
            (900, Verdict::Doubted),
            (1410, passed(660)),
            (1920, Verdict::Doubted),
        ];
        assert_eq!(verdicts, expected);
        assert_eq!((watch.tries(), watch.event()), (0, 0));
        let later = [(0, unread(3000)), (60, unread(3000))];
        assert_eq!(judge(&mut watch, start, &later), [(60, Verdict::Doubted)]);
    }
}
