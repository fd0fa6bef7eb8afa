//! The readings of one partition, put into the order they happened in.
//!
//! What one process wrote is in its order, whatever its clock says. Between processes the clocks tell the order only where
//! they are further apart than they may be wrong. Closer than that the positions tell it: one reading begins where the one
//! before it had come to, so which came further came later. Only after a position was set back that is not so, until the
//! new reading has come as far as the old one.

use std::collections::{BTreeMap, VecDeque};

use crate::audit::line::{Line, Reading, Settled, Standing};
use crate::event::{SequenceNumber, Timestamp};

/// So far the clocks of two instances may be apart: Azure Storage refuses requests that are signed with a clock which is
/// wrong by more than 15 minutes, in either direction.
pub(super) const MAX_CLOCK_DIFFERENCE_MILLIS: i64 = 2 * 15 * 60 * 1000;

/// One reading of the partition, as far as it was recorded.
#[derive(Debug)]
pub(super) struct Chain {
    /// When its first line was written.
    begun: Timestamp,
    /// When its last line was written.
    ended: Timestamp,
    /// Where it is among others of about the same time; without a line of its own, where the next one of its process is.
    place: Option<Place>,
    pub(super) lines: Vec<Settled>,
    pub(super) standing: Option<Standing>,
}

/// What orders readings of about the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// A hub that was made later was read later.
    hub_created_at: Option<Timestamp>,
    /// The last position, unless another one began before it: then the last line may have come too late to be stored.
    reached: i64,
    /// The position it began from.
    from: i64,
}

/// The readings in the order they happened in. `sources` has the lines of each process, in the order written.
pub(super) fn order(sources: Vec<Vec<Line>>) -> Vec<Chain> {
    let mut sources: Vec<VecDeque<Chain>> = sources.into_iter().map(chains).collect();
    find_places(&mut sources);
    let mut ordered = Vec::new();
    while let Some(source) = earliest(&sources) {
        ordered.extend(sources[source].pop_front());
    }
    ordered
}

/// The source whose first reading is the earliest one; `None` if nothing is left.
fn earliest(sources: &[VecDeque<Chain>]) -> Option<usize> {
    let heads = || {
        sources
            .iter()
            .enumerate()
            .filter_map(|(index, chains)| Some((index, chains.front()?)))
    };
    let is_later = |chain: &Chain| heads().any(|(_, other)| other.is_surely_before(chain));
    let early = || heads().filter(|(_, chain)| !is_later(chain));
    let placed = early().filter(|(_, chain)| chain.place.is_some());
    let placed = placed.min_by_key(|(_, chain)| (chain.place, chain.begun));
    let other = early().filter(|(_, chain)| chain.place.is_none());
    let other = other.min_by_key(|(_, chain)| chain.begun);
    let (index, _) = match (placed, other) {
        (Some(placed), Some(other)) if other.1.begun < placed.1.begun => other,
        (placed, other) => placed.or(other)?,
    };
    Some(index)
}

/// The readings of one process, in the order they began.
fn chains(lines: Vec<Line>) -> VecDeque<Chain> {
    let mut chains: VecDeque<Chain> = VecDeque::new();
    let mut places: BTreeMap<Reading, usize> = BTreeMap::new();
    for line in lines {
        let (begun, ended) = line.span();
        let place = *places.entry(line.reading().clone()).or_insert_with(|| {
            // A clock that was set back does not change what was written first.
            let begun = chains.back().map_or(begun, |before| before.begun.max(begun));
            chains.push_back(Chain {
                begun,
                ended: begun,
                place: None,
                lines: Vec::new(),
                standing: None,
            });
            chains.len() - 1
        });
        let chain = &mut chains[place];
        chain.ended = chain.ended.max(ended);
        match line {
            Line::Settled(line) => chain.lines.push(line),
            Line::Standing(line) => chain.standing = Some(line),
        }
    }
    chains
}

/// Says of each reading where it is among others of about the same time.
fn find_places(sources: &mut [VecDeque<Chain>]) {
    let mut begins: BTreeMap<(Option<Timestamp>, SequenceNumber), usize> = BTreeMap::new();
    for line in sources.iter().flatten().filter_map(|chain| chain.lines.first()) {
        *begins.entry((line.hub_created_at, line.from)).or_default() += 1;
    }
    let begun_at = |hub_created_at, from| begins.get(&(hub_created_at, from)).copied().unwrap_or_default();
    for chains in sources {
        let mut next = None;
        for chain in chains.iter_mut().rev() {
            if let (Some(first), Some(last)) = (chain.lines.first(), chain.lines.last()) {
                let hub_created_at = first.hub_created_at;
                let is_followed = begun_at(hub_created_at, last.to) > 0;
                let own = usize::from(first.from == last.from);
                let is_replaced = !is_followed && begun_at(hub_created_at, last.from) > own;
                next = Some(Place {
                    hub_created_at,
                    reached: if is_replaced { last.from.0 } else { last.to.0 },
                    from: first.from.0,
                });
            }
            chain.place = next;
        }
    }
}

impl Chain {
    /// The process that read.
    pub(super) fn run(&self) -> Option<&str> {
        let reading = self.lines.first().map(|line| &line.reading);
        let reading = reading.or(self.standing.as_ref().map(|standing| &standing.reading));
        reading.map(|reading| &*reading.run)
    }

    /// Whether it ended before the other one began, by clocks that may be wrong.
    fn is_surely_before(&self, other: &Chain) -> bool {
        other.begun.millis_since(self.ended) > MAX_CLOCK_DIFFERENCE_MILLIS
    }
}

#[cfg(test)]
mod tests;
