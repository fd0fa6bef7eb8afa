//! Indexes over one record, so that the many paths of a map do not each walk over all of its members.

use super::scope::RecordContext;
use crate::decode::json::Value;

/// Buckets of [`Members`]; an alert has about 30 members.
const BUCKETS: usize = 64;

/// Marks the end of a chain.
const NONE: u32 = u32::MAX;

/// The members of an object, found by name without regard to ASCII case.
#[derive(Debug)]
pub struct Members<'e> {
    object: &'e Value<'e>,
    /// Per bucket the last member whose name falls into it.
    heads: [u32; BUCKETS],
    /// Per member the one before it in the same bucket.
    before: Vec<u32>,
}

impl<'e> Members<'e> {
    /// Indexes `object`; any other value has no members.
    pub fn of(object: &'e Value<'e>) -> Self {
        let members = object.as_object().unwrap_or_default();
        let mut heads = [NONE; BUCKETS];
        let mut before = Vec::with_capacity(members.len());
        for (index, (name, _)) in members.iter().enumerate() {
            let head = &mut heads[bucket(name)];
            before.push(*head);
            *head = index as u32;
        }
        Self {
            object,
            heads,
            before,
        }
    }

    /// The same member as [`Value::get`] gives.
    pub fn get(&self, name: &str) -> Option<&'e Value<'e>> {
        let members = self.object.as_object()?;
        let mut found = None;
        let mut index = self.heads[bucket(name)];
        while index != NONE {
            let (known, value) = &members[index as usize];
            if known == name {
                return Some(value);
            }
            if found.is_none() && known.eq_ignore_ascii_case(name) {
                found = Some(value);
            }
            index = self.before[index as usize];
        }
        found
    }
}

/// Which buckets of names are in use; says at once of most names that they are not among some others.
#[derive(Debug, Clone, Copy, Default)]
pub struct NameFilter([u64; 4]);

/// The bucket of a name, the same in whatever case it is written.
#[derive(Debug, Clone, Copy)]
pub struct NameHash(u8);

impl NameHash {
    /// The bucket of `name`.
    pub fn of(name: &str) -> Self {
        Self(hash(name) as u8)
    }
}

impl NameFilter {
    /// Adds a name. Whether it, or another of its bucket, was there before.
    pub fn insert(&mut self, name: NameHash) -> bool {
        let (word, bit) = Self::place(name);
        let was_there = self.0[word] & bit != 0;
        self.0[word] |= bit;
        was_there
    }

    /// Whether `name` may have been added, in whatever case; `false` is certain.
    pub fn may_contain(&self, name: NameHash) -> bool {
        let (word, bit) = Self::place(name);
        self.0[word] & bit != 0
    }

    fn place(NameHash(hash): NameHash) -> (usize, u64) {
        (usize::from(hash / 64), 1 << (hash % 64))
    }
}

fn bucket(name: &str) -> usize {
    hash(name) % BUCKETS
}

/// From length and both ends of a name: names that are equal but for case have the same, most others do not.
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return 0;
    };
    usize::from(first | 0x20) * 5 + usize::from(last | 0x20) * 3 + bytes.len() * 7
}

/// The entities of an alert with their types: nearly every path into them starts with a filter on `Type`.
#[derive(Debug)]
pub struct Entities<'e> {
    list: &'e [Value<'e>],
    /// Per element what it is after references were followed, and its type.
    elements: Vec<Typed<'e>>,
    /// The types there are.
    types: NameFilter,
}

/// An element and its type.
pub type Typed<'e> = (&'e Value<'e>, Option<&'e Value<'e>>);

impl<'e> Entities<'e> {
    /// The list this is about.
    pub const LIST: &'static str = "Entities";
    /// The member that names the type of an element.
    pub const KEY: &'static str = "Type";

    /// Indexes the entities of a record; empty if it has none.
    pub fn of(context: &RecordContext<'e>) -> Self {
        let list = context
            .member(Self::LIST)
            .and_then(|list| context.resolve_received(list).as_array())
            .unwrap_or_default();
        let elements = list.iter().map(|element| {
            let element = context.resolve_received(element);
            let kind = element.get(Self::KEY).map(|kind| context.resolve_received(kind));
            (element, kind)
        });
        let elements: Vec<_> = elements.collect();
        let mut types = NameFilter::default();
        for (_, kind) in &elements {
            match kind {
                Some(Value::String(kind) | Value::Number(kind)) => _ = types.insert(NameHash::of(kind)),
                Some(Value::Bool(kind)) => {
                    _ = types.insert(NameHash::of(if *kind { "true" } else { "false" }))
                }
                _ => {}
            }
        }
        Self {
            list,
            elements,
            types,
        }
    }

    /// Whether an element may be of the type `kind`; `false` is certain.
    pub fn may_have(&self, kind: &str) -> bool {
        self.types.may_contain(NameHash::of(kind))
    }

    /// The elements of `list` with their types, if it is the one indexed here.
    pub fn of_list(&self, list: &[Value<'_>]) -> Option<&[Typed<'e>]> {
        let is_same = std::ptr::eq(self.list.as_ptr(), list.as_ptr()) && self.list.len() == list.len();
        is_same.then_some(&self.elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::json::parse;

    /// Scenario: names that differ in case, repeat, share a bucket or are empty.
    /// Guarantees: the index gives what a walk over the members gives, and a filter never denies a name it has.
    #[test]
    fn agrees_with_a_walk() {
        let text = r#"{"Type":1,"type":2,"TYPE":3,"Type":4,"":5,"a":6,"b":7,"ab":8,"bca":9,"Time":10}"#;
        let object = parse(text).expect("it is JSON");
        let members = Members::of(&object);
        let mut filter = NameFilter::default();
        for (name, _) in object.as_object().expect("it is an object") {
            filter.insert(NameHash::of(name));
        }
        for name in [
            "Type", "type", "TYPE", "tYPE", "", "A", "b", "AB", "bcA", "time", "other",
        ] {
            assert_eq!(members.get(name), object.get(name), "{name}");
            assert!(
                object.get(name).is_none() || filter.may_contain(NameHash::of(name)),
                "{name}"
            );
        }
        assert!(Members::of(&parse("[1]").expect("it is JSON")).get("0").is_none());
    }
}
