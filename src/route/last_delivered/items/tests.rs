//! The table against a naive model that keeps every outcome and searches all of them.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;

fn key(number: u8) -> ItemKey {
    ItemKey([number; 16])
}

fn content(number: u8) -> Content {
    Content {
        fingerprint: [number; 16],
        percentage: None,
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// One outcome after another for one item, and what is known then.
fn known_after(outcomes: &[(i64, Option<u8>)]) -> Option<u8> {
    let mut items = Items::new(100);
    for (millis, delivered) in outcomes {
        items.begin(key(1));
        assert_eq!(
            items.last_delivered(key(1), at(1000)),
            None,
            "an update is on its way"
        );
        items.end(key(1), at(*millis), delivered.map(content));
    }
    let known = items.last_delivered(key(1), at(1000));
    known.map(|content| content.fingerprint[0])
}

#[test]
fn the_newest_outcome_counts_in_whatever_order_they_come() {
    let cases: [(&str, &[_], _); 9] = [
        ("nothing yet", &[], None),
        ("one delivery", &[(1, Some(7))], Some(7)),
        ("in order", &[(1, Some(7)), (2, Some(8))], Some(8)),
        ("out of order", &[(2, Some(8)), (1, Some(7))], Some(8)),
        ("a rejection or a Delete", &[(1, Some(7)), (2, None)], None),
        (
            "a delivery after it, of an older record",
            &[(2, None), (1, Some(7))],
            None,
        ),
        (
            "a rejection of an older record",
            &[(2, Some(8)), (1, None)],
            Some(8),
        ),
        (
            "two of one moment that differ",
            &[(1, Some(7)), (1, Some(8))],
            None,
        ),
        ("the same once more", &[(1, Some(7)), (1, Some(7))], Some(7)),
    ];
    for (name, outcomes, expected) in cases {
        assert_eq!(known_after(outcomes), expected, "{name}");
    }
}

#[test]
fn a_record_that_is_not_newer_is_not_compared() {
    let mut items = Items::new(100);
    items.begin(key(1));
    items.end(key(1), at(10), Some(content(7)));
    for (millis, expected) in [(9, None), (10, None), (11, Some(content(7)))] {
        assert_eq!(items.last_delivered(key(1), at(millis)), expected, "at {millis}");
    }
}

#[test]
fn what_was_delivered_longest_ago_is_forgotten_first() {
    let mut items = Items::new(32);
    let times: Vec<i64> = (0..32).map(|number| (number * 13) % 32).collect();
    for millis in &times {
        assert_eq!(items.end(key(*millis as u8), at(*millis), Some(content(1))), 0);
    }
    assert_eq!(
        items.end(key(32), at(32), Some(content(1))),
        2,
        "a sixteenth goes at once"
    );
    let known = |items: &Items, number| items.last_delivered(key(number), at(100)).is_some();
    for number in 0..=32 {
        assert_eq!(known(&items, number), number >= 2, "item {number}");
    }
    items.end(key(0), at(1), Some(content(1)));
    assert!(
        !known(&items, 0),
        "what is as old as the forgotten is not taken in again"
    );
    assert_eq!(items.len(), 31);
}

#[test]
fn changes_are_handed_out_once_and_all_of_them_after_a_failure() {
    let mut items = Items::new(100);
    for number in 1..=3 {
        items.end(key(number), at(1), Some(content(number)));
    }
    let numbers = |changes: Changes| -> Vec<u8> { changes.items.iter().map(|(key, _)| key.0[0]).collect() };
    assert_eq!(numbers(items.take_changed(2)), [1, 2], "those that wait longest");
    items.end(key(1), at(2), Some(content(9)));
    assert_eq!(numbers(items.take_changed(100)), [3, 1]);
    assert!(items.take_changed(100).is_empty());
    items.end(key(2), at(2), Some(content(9)));
    items.change_all();
    let mut all = numbers(items.take_changed(100));
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3]);
    assert!(items.take_changed(100).is_empty());
}

/// One step; the numbers choose among what is there at that moment.
#[derive(Debug, Clone)]
enum Step {
    Begin {
        item: u8,
        millis: i64,
        content: Option<u8>,
    },
    End {
        update: usize,
    },
    Flush,
    /// The process ends without a warning and another one starts on what is in the file.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let content = proptest::option::weighted(0.8, 1..4_u8);
    prop_oneof![
        8 => (0..24_u8, 0..60_i64, content).prop_map(|(item, millis, content)| Step::Begin { item, millis, content }),
        8 => any::<usize>().prop_map(|update| Step::End { update }),
        2 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

/// Every outcome so far, by item, and the updates on their way.
#[derive(Debug, Default, Clone)]
struct Model {
    outcomes: HashMap<u8, Vec<(i64, Option<u8>)>>,
    in_flight: Vec<(u8, i64, Option<u8>)>,
}

impl Model {
    fn last_delivered(&self, item: u8, millis: i64) -> Option<(i64, u8)> {
        let is_in_flight = self.in_flight.iter().any(|(other, ..)| *other == item);
        let outcomes = self.outcomes.get(&item).filter(|_| !is_in_flight)?;
        let newest = outcomes.iter().map(|(millis, _)| *millis).max()?;
        let mut of_newest = outcomes.iter().filter(|(millis, _)| *millis == newest);
        let (_, first) = of_newest.next()?;
        let is_agreed = of_newest.all(|(_, other)| other == first) && newest < millis;
        first.filter(|_| is_agreed).map(|content| (newest, content))
    }
}

/// What a file would hold.
#[derive(Debug, Default)]
struct Stored {
    items: BTreeMap<ItemKey, Remembered>,
    floor: Option<Timestamp>,
}

impl Stored {
    fn take_over(&mut self, changes: Changes) {
        if let Some(floor) = changes.floor {
            self.items
                .retain(|_, remembered| remembered.enqueued_time > floor);
            self.floor = Some(floor);
        }
        self.items.extend(changes.items);
    }

    fn restored(&self, limit: usize) -> Items {
        let mut items = Items::new(limit);
        if let Some(floor) = self.floor {
            items.restore_floor(floor);
        }
        for (key, remembered) in &self.items {
            items.restore(*key, Remembered::decode(&remembered.encode()));
        }
        items.shrink();
        items
    }
}

proptest! {
    /// Scenario: updates of a few items begin and end in any order, what changed is written now and then, the process
    /// is killed now and then.
    /// Guarantees: what is known of an item is what the model says, or nothing where the floor passed it; never more
    /// items than fit; a restart knows what was known at the last write.
    #[test]
    fn behaves_like_the_model(
        limit in prop_oneof![Just(4_usize), Just(1000)],
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut items = Items::new(limit);
        let mut model = Model::default();
        let mut stored = Stored::default();
        let mut model_when_stored = Model::default();
        for step in steps {
            match step {
                Step::Begin { item, millis, content: number } => {
                    items.begin(key(item));
                    model.in_flight.push((item, millis, number));
                }
                Step::End { update } => {
                    if !model.in_flight.is_empty() {
                        let (item, millis, number) = model.in_flight.swap_remove(update % model.in_flight.len());
                        items.end(key(item), at(millis), number.map(content));
                        model.outcomes.entry(item).or_default().push((millis, number));
                    }
                }
                Step::Flush => {
                    loop {
                        let changes = items.take_changed(3);
                        if changes.is_empty() {
                            break;
                        }
                        stored.take_over(changes);
                    }
                    model_when_stored = model.clone();
                }
                Step::Restart => {
                    items = stored.restored(limit);
                    model = model_when_stored.clone();
                    model.in_flight.clear();
                }
            }
            prop_assert!(items.len() <= limit);
            for item in 0..24 {
                let expected = model
                    .last_delivered(item, 50)
                    .filter(|(millis, _)| items.is_above_floor(at(*millis)))
                    .map(|(_, number)| content(number));
                prop_assert_eq!(items.last_delivered(key(item), at(50)), expected, "item {}", item);
            }
        }
    }
}
