//! Lookup tables: keys compared without regard to ASCII case.

use std::cmp::Ordering;

use crate::decode::json::Value;

/// A named table.
#[derive(Debug)]
pub struct Table {
    entries: Vec<(Box<str>, Value<'static>)>,
}

impl Table {
    /// Builds a table. Of keys that differ in case only the first counts; the compiler refuses such tables.
    pub fn new(mut entries: Vec<(Box<str>, Value<'static>)>) -> Self {
        entries.sort_by(|(first, _), (second, _)| compare(first, second));
        entries.dedup_by(|(second, _), (first, _)| compare(first, second) == Ordering::Equal);
        Self { entries }
    }

    /// All entries, by their keys' order.
    pub fn values(&self) -> impl Iterator<Item = &Value<'static>> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The entry for `key`.
    pub fn get(&self, key: &str) -> Option<&Value<'static>> {
        let index = self
            .entries
            .binary_search_by(|(known, _)| compare(known, key))
            .ok()?;
        Some(&self.entries[index].1)
    }
}

fn compare(first: &str, second: &str) -> Ordering {
    first
        .bytes()
        .map(|byte| byte.to_ascii_lowercase())
        .cmp(second.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case() {
        let entry = |key: &str, value: &'static str| (key.into(), Value::String(value.into()));
        let table = Table::new(vec![entry("Off", "0"), entry("high", "73"), entry("Low", "21")]);
        for (key, expected) in [
            ("HIGH", Some("73")),
            ("low", Some("21")),
            ("off", Some("0")),
            ("hig", None),
        ] {
            assert_eq!(table.get(key).and_then(Value::as_str), expected, "{key}");
        }
    }
}
