//! A JSON value that borrows the body it was parsed from.

use std::borrow::Cow;

/// One JSON value.
///
/// Shape:  strings borrow the body unless they contain an escape; numbers keep their text, so that 30 digits survive.
/// Order:  members of an object stand as received, equal names included; the last one counts.
// A tag as wide as a pointer keeps every part at a multiple of eight bytes. With a tag of one byte a moved value is copied
// from odd offsets, which the processor cannot serve from stores that have just been made: a tenth of all time.
#[derive(Debug, Clone, PartialEq)]
#[repr(usize)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its JSON text.
    Number(Cow<'a, str>),
    /// Text, unescaped.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Value<'a>>),
    /// Members in the order received.
    Object(Vec<Member<'a>>),
}

/// Name and value of one member of an object.
pub type Member<'a> = (Cow<'a, str>, Value<'a>);

impl<'a> Value<'a> {
    /// The member `name`, compared exactly first and then without regard to ASCII case; `None` if this is no object.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let mut found = None;
        let ending = |text: &str| text.as_bytes().last().map(u8::to_ascii_lowercase);
        for (key, value) in self.as_object()?.iter().rev() {
            if key.len() != name.len() || ending(key) != ending(name) {
                continue;
            }
            if key == name {
                return Some(value);
            }
            if found.is_none() && key.eq_ignore_ascii_case(name) {
                found = Some(value);
            }
        }
        found
    }

    /// Follows `names` member by member.
    pub fn at(&self, names: &[&str]) -> Option<&Value<'a>> {
        names.iter().try_fold(self, |value, name| value.get(name))
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of the number, if this is one.
    pub fn as_number(&self) -> Option<&str> {
        match self {
            Value::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&[Member<'a>]> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether a map treats this as absent: null, empty text, an empty list, an empty object.
    pub fn is_absent(&self) -> bool {
        match self {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(elements) => elements.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }
}
