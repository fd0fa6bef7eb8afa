//! A value while a map is evaluated: borrowed from the record where possible.

use std::borrow::Cow;
use std::collections::HashSet;

use super::budget::Spending;
use super::write;
use crate::decode::json::Value;
use crate::event::Timestamp;

/// One value on its way from a record to a target field.
///
/// Shape:  absence is the `None` around it; an item itself is never null, empty text, or an empty list or object.
// The tag is as wide as a pointer for the same reason as that of `Value`.
#[derive(Debug, Clone)]
#[repr(usize)]
pub enum Item<'s> {
    /// A value of the record or of the map, as it stands.
    Value(&'s Value<'s>),
    /// Text that a function made, or a part of the record's text.
    Text(Cow<'s, str>),
    /// A moment; written as RFC 3339 with milliseconds.
    Time(Timestamp),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction; always finite.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// Several values: what `[]`, a filter, `split`, `list` or `each` gives.
    List(Vec<Item<'s>>),
    /// What `object` gives, in the order written.
    Object(Vec<(&'s str, Item<'s>)>),
}

impl<'s> Item<'s> {
    /// Wraps a value of the record; `None` if a map treats it as absent.
    pub fn present(value: &'s Value<'s>) -> Option<Self> {
        (!value.is_absent()).then_some(Item::Value(value))
    }

    /// Wraps text; `None` if it is empty.
    pub fn text(text: impl Into<Cow<'s, str>>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Item::Text(text))
    }

    /// Wraps several values; `None` if there are none.
    pub fn list(items: Vec<Item<'s>>) -> Option<Self> {
        (!items.is_empty()).then_some(Item::List(items))
    }

    /// The text of a scalar; `None` for lists and objects.
    pub fn into_text(self) -> Option<Cow<'s, str>> {
        match self {
            Item::Value(Value::String(text) | Value::Number(text)) => Some(Cow::Borrowed(text)),
            Item::Value(Value::Bool(true)) | Item::Bool(true) => Some(Cow::Borrowed("true")),
            Item::Value(Value::Bool(false)) | Item::Bool(false) => Some(Cow::Borrowed("false")),
            Item::Text(text) => Some(text),
            Item::Time(time) => Some(Cow::Owned(write::time_text(time))),
            Item::Integer(number) => Some(Cow::Owned(number.to_string())),
            Item::Float(number) => Some(Cow::Owned(write::float_text(number))),
            Item::Value(_) | Item::List(_) | Item::Object(_) => None,
        }
    }

    /// Splits a list into its elements; anything else is a list of itself. Absent elements are left out.
    pub fn into_elements(self) -> Vec<Item<'s>> {
        match self {
            Item::List(items) => items,
            Item::Value(Value::Array(elements)) => elements.iter().filter_map(Item::present).collect(),
            other => vec![other],
        }
    }

    /// The number, if it is a whole one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Item::Integer(number) => Some(*number),
            Item::Value(Value::Number(number)) => number.parse().ok(),
            _ => None,
        }
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self, Item::List(_) | Item::Value(Value::Array(_)))
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Item::Object(_) | Item::Value(Value::Object(_)))
    }
}

/// Below this many elements comparing each with each is cheaper than hashing.
const MAX_COMPARED: usize = 16;

/// Removes repeated values and keeps the first of each. Two values are equal if they are written as the same JSON.
///
/// What is written to be compared is paid for; once `spending` is exceeded the rest stays as it is.
pub fn deduplicate(items: &mut Vec<Item<'_>>, spending: &mut Spending) {
    if items.len() > MAX_COMPARED {
        let mut seen: HashSet<Vec<u8>> = HashSet::with_capacity(items.len());
        items.retain(|item| {
            spending.exceeded().is_some() || {
                let mut key = Vec::new();
                write::item(item, &mut key);
                spending.bytes(key.len());
                seen.insert(key)
            }
        });
        return;
    }
    let mut index = 1;
    while index < items.len() && spending.exceeded().is_none() {
        let (before, rest) = items.split_at(index);
        if before.iter().any(|earlier| is_same(earlier, &rest[0], spending)) {
            items.remove(index);
        } else {
            index += 1;
        }
    }
}

fn is_same(first: &Item<'_>, second: &Item<'_>, spending: &mut Spending) -> bool {
    match (plain_text(first), plain_text(second)) {
        (Some(first), Some(second)) => first == second,
        (None, None) => {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            write::item(first, &mut one);
            write::item(second, &mut other);
            spending.bytes(one.len() + other.len());
            one == other
        }
        _ => false,
    }
}

/// The text of an item that is text and nothing else.
fn plain_text<'i>(item: &'i Item<'_>) -> Option<&'i str> {
    match item {
        Item::Value(Value::String(text)) | Item::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_json_is_one_value() {
        let number = Value::Number("5".into());
        let mut items = vec![
            Item::Text("a".into()),
            Item::Integer(5),
            Item::Text("5".into()),
            Item::Value(&number),
            Item::Text("a".into()),
        ];
        let mut many: Vec<_> = std::iter::repeat_n(items.clone(), 5).flatten().collect();
        for items in [&mut items, &mut many] {
            deduplicate(items, &mut Spending::default());
            let texts: Vec<_> = items.iter().cloned().filter_map(Item::into_text).collect();
            assert_eq!(texts, ["a", "5", "5"]);
        }
    }
}
