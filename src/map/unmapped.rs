//! What a map does not take is kept under a field of its own, so that nothing is lost by mapping.
//!
//! Which paths are taken is known when a map is compiled. Lists are kept or taken as a whole. `$id`, `$ref` and
//! `$type`, and a partner's secret, are never kept; references are replaced by what
//! they refer to. Absent values
//! (null, empty text, empty lists and objects) say nothing and are left out.

use std::borrow::Cow;
use std::collections::HashMap;

use super::expression::Call;
use super::item::Item;
use super::lookup::{NameFilter, NameHash};
use super::scope::RecordContext;
use crate::decode::json::write::{write_plain_string, write_string, write_value};
use crate::decode::json::{Member, Value};

/// Bytes of one text among the leftovers. Lucene refuses terms above 32,766 bytes; half of that leaves room for names.
pub const MAX_TEXT_BYTES: usize = 16 << 10;

/// Bytes of all leftovers of one record.
pub const MAX_TOTAL_BYTES: usize = 256 << 10;

/// Name of the list of top-level members that had no room.
pub const OMITTED: &str = "_omitted";

/// The paths a map takes, as a tree of names.
#[derive(Debug, Default)]
pub struct Taken {
    whole: Option<Vec<Call>>,
    members: Vec<(Box<str>, Taken)>,
    /// The names of `members`.
    names: NameFilter,
    /// Whether it, or something in it, must not stay readable.
    is_hidden: bool,
}

impl Taken {
    /// Marks the value at `path` as taken, provided that it survives `calls`: a date that cannot be read is absent in
    /// its field and stays among the leftovers.
    pub fn insert(&mut self, path: &[Box<str>], calls: &[Call]) {
        let is_hidden = calls.iter().any(|call| call.function.is_hiding());
        self.add(path, calls, is_hidden);
    }

    /// Marks the value at `path` as one that is never kept, in whatever case its names are written.
    pub fn hide(&mut self, path: &[Box<str>]) {
        self.add(path, &[], true);
    }

    fn add(&mut self, path: &[Box<str>], calls: &[Call], is_hidden: bool) {
        self.is_hidden |= is_hidden;
        let Some((first, rest)) = path.split_first() else {
            // Two fields may take one value; whichever needs fewer conversions decides.
            if self.whole.as_ref().is_none_or(|known| known.len() > calls.len()) {
                self.whole = Some(calls.to_vec());
            }
            return;
        };
        let position = self
            .members
            .iter()
            .position(|(name, _)| name.eq_ignore_ascii_case(first));
        let position = position.unwrap_or_else(|| {
            self.names.insert(NameHash::of(first));
            self.members.push((first.clone(), Taken::default()));
            self.members.len() - 1
        });
        self.members[position].1.add(rest, calls, is_hidden);
    }

    /// What is taken of a member of `object`. Of members whose names differ in case only a path leads to one; the others
    /// are not taken, unless something is to be hidden.
    fn member(&self, object: &Value<'_>, place: Place, (name, value): &Member<'_>) -> Option<&Taken> {
        if !self.names.may_contain(place.hash) {
            return None;
        }
        let mut members = self.members.iter();
        let (known, taken) = members.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        // Most names stand in the record as in the map; only others need a search.
        let leads_here =
            || **known == **name || object.get(known).is_some_and(|found| std::ptr::eq(found, value));
        (!place.is_shared || taken.is_hidden || leads_here()).then_some(taken)
    }

    fn takes(&self, value: &Value<'_>) -> bool {
        self.whole.as_ref().is_some_and(|calls| {
            let start = Item::present(value);
            let end = start.and_then(|start| {
                calls
                    .iter()
                    .try_fold(start, |item, call| call.function.apply(item, &call.arguments))
            });
            end.is_some()
        })
    }
}

/// A text to be written.
#[derive(Clone, Copy)]
struct Text<'t> {
    text: &'t str,
    /// Whether it stood in the body as it is, so that nothing in it needs an escape.
    is_plain: bool,
}

impl<'t> Text<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text,
            is_plain: false,
        }
    }

    /// A text of the record. One that was made from the body, because it has escapes, is owned.
    #[expect(clippy::ptr_arg, reason = "whether it is borrowed is what matters")]
    fn received(text: &'t Cow<'_, str>) -> Self {
        Self {
            text,
            is_plain: matches!(text, Cow::Borrowed(_)),
        }
    }

    fn write(self, output: &mut Vec<u8>) {
        match self.is_plain {
            true => write_plain_string(output, self.text),
            false => write_string(output, self.text),
        }
    }
}

/// Writes leftovers into an object that is already open.
pub struct Writer<'s, 'e, 'o> {
    context: &'s RecordContext<'e>,
    output: &'o mut Vec<u8>,
    limit: usize,
    /// Whether what is written stands in place of a reference. References inside it are left out: the object they
    /// belong to stands elsewhere with them, and cycles end.
    is_replacement: bool,
    /// Values cut or left out for size.
    cut: u32,
}

impl<'s, 'e, 'o> Writer<'s, 'e, 'o> {
    /// Prepares to write behind what `output` holds.
    pub fn new(context: &'s RecordContext<'e>, output: &'o mut Vec<u8>) -> Self {
        let limit = output.len() + MAX_TOTAL_BYTES;
        Self {
            context,
            output,
            limit,
            is_replacement: false,
            cut: 0,
        }
    }

    /// Writes what is not taken, at most `levels` levels deep; names in `used` are already in the object and get a
    /// `_` behind. Gives the number of values that were cut or left out for size.
    pub fn write(mut self, taken: &Taken, used: &dyn Fn(&str) -> bool, levels: usize) -> u32 {
        let document = self.context.document();
        let mut omitted = Vec::new();
        match document {
            Value::Object(members) => {
                for (place, member) in last_of_each(members) {
                    let (name, value) = member;
                    let taken = taken.member(document, place, member);
                    let is_written = match used(name) {
                        true => self.top_level(Text::of(&format!("{name}_")), value, taken, levels),
                        false => self.top_level(Text::received(name), value, taken, levels),
                    };
                    if !is_written {
                        omitted.push(name);
                    }
                }
            }
            // A record that is no object has no members to take; it is kept whole.
            other => {
                self.top_level(Text::of("value"), other, None, levels);
            }
        }
        if !omitted.is_empty() {
            self.cut += omitted.len() as u32;
            self.key(Text::of(OMITTED));
            for (index, name) in omitted.into_iter().enumerate() {
                self.output.push(if index == 0 { b'[' } else { b',' });
                write_string(self.output, name);
            }
            self.output.push(b']');
        }
        self.cut
    }

    /// Whether there was room.
    fn top_level(
        &mut self,
        name: Text<'_>,
        value: &'s Value<'s>,
        taken: Option<&Taken>,
        levels: usize,
    ) -> bool {
        let start = self.output.len();
        self.member(name, value, taken, levels);
        if self.output.len() <= self.limit {
            return true;
        }
        self.output.truncate(start);
        false
    }

    fn member(&mut self, name: Text<'_>, value: &'s Value<'s>, taken: Option<&Taken>, levels: usize) {
        if is_marker(name.text) || value.is_absent() || taken.is_some_and(|taken| taken.takes(value)) {
            return;
        }
        let start = self.output.len();
        self.key(name);
        if !self.value(
            value,
            taken,
            levels,
            name.text.eq_ignore_ascii_case("partnersData"),
        ) {
            self.output.truncate(start);
        }
    }

    fn key(&mut self, name: Text<'_>) {
        if self.output.last() != Some(&b'{') {
            self.output.push(b',');
        }
        name.write(self.output);
        self.output.push(b':');
    }

    /// Whether anything was written.
    fn value(
        &mut self,
        value: &'s Value<'s>,
        taken: Option<&Taken>,
        levels: usize,
        has_secret: bool,
    ) -> bool {
        let resolved = self.context.resolve(value);
        if std::ptr::eq(resolved, value) {
            return self.written(value, taken, levels, has_secret);
        }
        if self.is_replacement {
            return false;
        }
        self.is_replacement = true;
        let is_written = self.written(resolved, taken, levels, has_secret);
        self.is_replacement = false;
        is_written
    }

    fn written(
        &mut self,
        value: &'s Value<'s>,
        taken: Option<&Taken>,
        levels: usize,
        has_secret: bool,
    ) -> bool {
        match value {
            _ if self.output.len() > self.limit => true,
            Value::Object(_) | Value::Array(_) if levels == 0 => {
                let mut json = Vec::new();
                write_value(&mut json, value);
                self.text(Text::of(&String::from_utf8_lossy(&json)));
                true
            }
            Value::Object(members) => {
                let start = self.output.len();
                self.output.push(b'{');
                for (place, member) in last_of_each(members) {
                    let (name, inner) = member;
                    if !(has_secret && name.eq_ignore_ascii_case("secret")) {
                        let taken = taken.and_then(|taken| taken.member(value, place, member));
                        self.member(Text::received(name), inner, taken, levels - 1);
                    }
                }
                self.close(start, b'}')
            }
            Value::Array(elements) => {
                let start = self.output.len();
                self.output.push(b'[');
                for element in elements {
                    let at = self.output.len();
                    if at > start + 1 {
                        self.output.push(b',');
                    }
                    if element.is_absent() || !self.value(element, None, levels - 1, false) {
                        self.output.truncate(at);
                    }
                }
                self.close(start, b']')
            }
            Value::String(text) => {
                self.text(Text::received(text));
                true
            }
            scalar => {
                write_value(self.output, scalar);
                true
            }
        }
    }

    /// Ends what began at `start`, or takes it back if nothing is in it.
    fn close(&mut self, start: usize, bracket: u8) -> bool {
        if self.output.len() == start + 1 {
            self.output.truncate(start);
            return false;
        }
        self.output.push(bracket);
        true
    }

    fn text(&mut self, text: Text<'_>) {
        if text.text.len() <= MAX_TEXT_BYTES {
            text.write(self.output);
            return;
        }
        let text = text.text;
        let end = (0..=MAX_TEXT_BYTES)
            .rev()
            .find(|index| text.is_char_boundary(*index))
            .unwrap_or_default();
        self.cut += 1;
        write_string(
            self.output,
            &format!("{} [cut: {} bytes in all]", &text[..end], text.len()),
        );
    }
}

/// Where a member stands among the others of its object.
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: NameHash,
    /// Whether another member may have the same name, in whatever case; `false` is certain.
    is_shared: bool,
}

/// Members without those whose name comes again: the last one counts, and readers refuse an object that repeats a name.
fn last_of_each<'s>(members: &'s [Member<'s>]) -> impl Iterator<Item = (Place, &'s Member<'s>)> {
    let mut seen = NameFilter::default();
    let mut repeated = NameFilter::default();
    let mut has_repeated = false;
    for (name, _) in members {
        let hash = NameHash::of(name);
        if seen.insert(hash) {
            repeated.insert(hash);
            has_repeated = true;
        }
    }
    // Comparing each with each costs too much where many share a bucket.
    let last: Option<HashMap<&str, usize>> = (members.len() > MAX_COMPARED).then(|| {
        let names = members.iter().enumerate();
        names.map(|(index, (name, _))| (&**name, index)).collect()
    });
    members.iter().enumerate().filter_map(move |(index, member)| {
        let hash = NameHash::of(&member.0);
        let is_shared = has_repeated && repeated.may_contain(hash);
        let is_last = !is_shared
            || match &last {
                Some(last) => last.get(&*member.0) == Some(&index),
                None => !members[index + 1..].iter().any(|(later, _)| *later == member.0),
            };
        is_last.then_some((Place { hash, is_shared }, member))
    })
}

/// Below this many members comparing each with each is cheaper than hashing.
const MAX_COMPARED: usize = 48;

/// Markers of the exporter's serialiser, which mean nothing outside it.
fn is_marker(name: &str) -> bool {
    matches!(name, "$id" | "$ref" | "$type")
}

mod left_out;
pub use left_out::left_out_values;

#[cfg(test)]
mod tests;
