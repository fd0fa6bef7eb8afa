//! What must hold for everything that a reader of committed messages sees.

use std::collections::{BTreeMap, BTreeSet};

use super::kafka_broker::Message;

/// Records by the event they came in: (partition of the hub, sequence number) to how many.
pub type Events = BTreeMap<(String, i64), usize>;

/// Each record once, those of one partition of the hub in its order within each partition of the topic; gives how many
/// records of each event there are.
#[track_caller]
pub fn check(messages: &[Message]) -> Events {
    check_once(messages);
    let mut newest: BTreeMap<(i32, &str), i64> = BTreeMap::new();
    let mut events = Events::new();
    for message in messages {
        let partition = message.header("hub_partition");
        let number: i64 = message.header("hub_sequence_number").parse().expect("a number");
        let before = newest.insert((message.partition, partition), number);
        assert!(
            before.is_none_or(|before| before <= number),
            "event {number} of partition {partition} stands behind {before:?}"
        );
        *events.entry((partition.to_owned(), number)).or_default() += 1;
    }
    events
}

/// Each record once.
#[track_caller]
pub fn check_once(messages: &[Message]) {
    let mut seen = BTreeSet::new();
    for message in messages {
        let id = message.header("event_id");
        assert!(seen.insert(id), "record {id} is there twice: {message:?}");
    }
}
