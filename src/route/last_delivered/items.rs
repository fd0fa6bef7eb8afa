//! The items of one target in memory: what was last delivered of each, and which have an update on its way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::remembered::{Content, ItemKey, Remembered};
use crate::event::Timestamp;

/// Where the limit is passed, this part of it is forgotten at once: finding the oldest takes a look at all.
const EVICTION_FRACTION: usize = 16;

/// Memory of one item in the table: its entry, and one byte of the table's own.
const ITEM_BYTES: usize = size_of::<(ItemKey, Remembered)>() + 1;

/// What a target last delivered, bounded: where there are too many items, the ones delivered longest ago are forgotten.
///
/// Deliberately absent: I/O. What changed is handed to the file by [`Items::take_changed`].
#[derive(Debug)]
pub struct Items {
    limit: usize,
    remembered: HashMap<ItemKey, Remembered>,
    /// Updates on their way, by item.
    in_flight: HashMap<ItemKey, u32>,
    /// Items whose entry the file does not have yet, each once.
    changed: Vec<ItemKey>,
    /// Nothing of this moment or before is remembered: it was evicted, or nobody noted it, and an older delivery must not
    /// take its place.
    floor: Option<Timestamp>,
    is_floor_changed: bool,
}

/// What the file must take over.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Entries that are new or replaced.
    pub items: Vec<(ItemKey, Remembered)>,
    /// The new floor, where it moved: nothing at it or before it stays.
    pub floor: Option<Timestamp>,
}

impl Changes {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.floor.is_none()
    }
}

impl Items {
    /// No item; room for `limit` of them.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            remembered: HashMap::new(),
            in_flight: HashMap::new(),
            changed: Vec::new(),
            floor: None,
            is_floor_changed: false,
        }
    }

    /// Takes over what the file has: its floor first, then each item.
    pub fn restore_floor(&mut self, floor: Timestamp) {
        self.floor = Some(floor);
    }

    /// Remembers nothing of this moment or before: other records of that time were delivered, and nothing is known of
    /// them. Only where nothing is remembered yet.
    pub fn begin_after(&mut self, floor: Timestamp) {
        self.floor = Some(floor);
        self.is_floor_changed = true;
    }

    /// Whether nothing is known of what was delivered before: the memory is new, or was lost.
    pub fn is_new(&self) -> bool {
        self.remembered.is_empty() && (self.floor.is_none() || self.is_floor_changed)
    }

    /// Takes over one item of the file. The file may hold more than fit; see [`Items::shrink`].
    pub fn restore(&mut self, key: ItemKey, remembered: Remembered) {
        if self.is_above_floor(remembered.enqueued_time) {
            self.remembered.insert(key, remembered);
        }
    }

    /// What was last delivered of an item, as seen by a record taken in at `at`. `None` if nothing is known, if an update
    /// is on its way, or if what was delivered is not older than the record.
    pub fn last_delivered(&self, key: ItemKey, at: Timestamp) -> Option<Content> {
        if self.in_flight.contains_key(&key) {
            return None;
        }
        let remembered = self.remembered.get(&key)?;
        (remembered.enqueued_time < at).then(|| remembered.content())?
    }

    /// An update of the item is on its way.
    pub fn begin(&mut self, key: ItemKey) {
        *self.in_flight.entry(key).or_default() += 1;
    }

    /// An update that began came to its end: delivered with this content, or `None` for a Delete and a rejection.
    /// Returns how many items were forgotten for want of room.
    pub fn end(&mut self, key: ItemKey, enqueued_time: Timestamp, content: Option<Content>) -> usize {
        if let Entry::Occupied(mut entry) = self.in_flight.entry(key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        // The table of updates on their way keeps the size of its busiest hour otherwise.
        if self.in_flight.is_empty() && self.in_flight.capacity() > 1024 {
            self.in_flight.shrink_to(0);
        }
        self.note(key, Remembered::new(enqueued_time, content));
        self.shrink()
    }

    /// Forgets what was delivered longest ago while there are more items than fit; returns how many.
    pub fn shrink(&mut self) -> usize {
        if self.remembered.len() <= self.limit {
            return 0;
        }
        let surplus = self.remembered.len() - self.limit;
        let count = surplus.max(self.limit / EVICTION_FRACTION);
        let mut times: Vec<_> = self
            .remembered
            .values()
            .map(|remembered| remembered.enqueued_time)
            .collect();
        let (_, floor, _) = times.select_nth_unstable(count - 1);
        let floor = *floor;
        let before = self.remembered.len();
        self.remembered
            .retain(|_, remembered| remembered.enqueued_time > floor);
        self.changed.retain(|key| self.remembered.contains_key(key));
        self.floor = Some(floor);
        self.is_floor_changed = true;
        before - self.remembered.len()
    }

    /// At most `most` items that the file does not have yet, those first that wait longest. They count as had from here
    /// on; see [`Items::change_all`].
    pub fn take_changed(&mut self, most: usize) -> Changes {
        let count = self.changed.len().min(most);
        let mut items = Vec::with_capacity(count);
        for key in self.changed.drain(..count) {
            if let Some(remembered) = self.remembered.get_mut(&key) {
                remembered.is_changed = false;
                items.push((key, *remembered));
            }
        }
        let is_floor_changed = std::mem::take(&mut self.is_floor_changed);
        Changes {
            items,
            floor: self.floor.filter(|_| is_floor_changed),
        }
    }

    /// The file is not what it was thought to be: all of it is to be written.
    pub fn change_all(&mut self) {
        self.is_floor_changed = self.floor.is_some();
        self.changed.clear();
        for (key, remembered) in &mut self.remembered {
            remembered.is_changed = true;
            self.changed.push(*key);
        }
    }

    /// Items remembered.
    pub fn len(&self) -> usize {
        self.remembered.len()
    }

    /// Memory the table takes, about: it grows by doubling.
    pub fn bytes(&self) -> usize {
        // A table is filled to seven eighths.
        self.remembered.capacity() / 7 * 8 * ITEM_BYTES
    }

    fn note(&mut self, key: ItemKey, new: Remembered) {
        if !self.is_above_floor(new.enqueued_time) {
            return;
        }
        match self.remembered.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
            Entry::Occupied(mut entry) => {
                let old = entry.get_mut();
                let is_same_moment = new.enqueued_time == old.enqueued_time;
                if new.enqueued_time < old.enqueued_time || (is_same_moment && new.content() == old.content())
                {
                    return;
                }
                // Of two different records of one moment nobody can say which is the newer one.
                let content = new.content().filter(|_| !is_same_moment);
                let is_changed = old.is_changed;
                *old = Remembered::new(new.enqueued_time, content);
                old.is_changed = is_changed;
            }
        }
        self.mark_changed(key);
    }

    fn mark_changed(&mut self, key: ItemKey) {
        if let Some(remembered) = self.remembered.get_mut(&key)
            && !remembered.is_changed
        {
            remembered.is_changed = true;
            self.changed.push(key);
        }
    }

    fn is_above_floor(&self, time: Timestamp) -> bool {
        self.floor.is_none_or(|floor| time > floor)
    }
}

#[cfg(test)]
mod tests;
