//! Where a value stands in a record: parsed once, followed for every record.
//!
//! `.Entities[Type=host].HostName` becomes three selectors. Names are compared exactly first and then without regard
//! to ASCII case; `{"$ref": …}` objects are followed on the way.

use super::budget::MAX_VALUES;
use super::item::Item;
use super::lookup::Entities;
use super::scope::RecordContext;
use crate::decode::json::Value;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `.Name` or `."name with space"`: a member of an object.
    Key(Box<str>),
    /// `[0]`: an element of a list, from 0.
    Index(usize),
    /// `[]`: all elements of a list.
    All,
    /// `[Key=value]` or `[Key!=value]`: the elements whose member has, or has not, that text.
    Filter {
        /// The member.
        key: Box<str>,
        /// The text, compared without regard to ASCII case.
        value: Box<str>,
        /// Whether the comparison is `!=`.
        is_negated: bool,
    },
}

impl Selector {
    /// Whether it gives several values.
    pub fn is_multiple(&self) -> bool {
        matches!(self, Selector::All | Selector::Filter { .. })
    }
}

/// Follows `selectors` from a value of the record; `None` if nothing is there.
///
/// A path with `[]` or a filter gives a list, which runs flat through all its lists and leaves absent values out.
pub fn follow<'s>(
    start: &'s Value<'s>,
    selectors: &[Selector],
    context: &'s RecordContext<'_>,
) -> Option<Item<'s>> {
    if !selectors.iter().any(Selector::is_multiple) {
        return Item::present(single(start, selectors, context)?);
    }
    let mut walk = Walk::up_to(usize::MAX);
    collect(start, selectors, context, &mut walk);
    Item::list(walk.end(context))
}

/// The first of what [`follow`] gives; the rest is not looked at.
pub fn follow_first<'s>(
    start: &'s Value<'s>,
    selectors: &[Selector],
    context: &'s RecordContext<'_>,
) -> Option<Item<'s>> {
    let mut walk = Walk::up_to(1);
    collect(start, selectors, context, &mut walk);
    walk.end(context).into_iter().next()
}

/// Follows `selectors` from a value that was computed before.
pub fn follow_item<'s>(
    start: Item<'s>,
    selectors: &[Selector],
    context: &'s RecordContext<'_>,
) -> Option<Item<'s>> {
    let Some((first, rest)) = selectors.split_first() else {
        return Some(start);
    };
    match (start, first) {
        (Item::Value(value), _) => follow(value, selectors, context),
        (Item::List(items), Selector::All) => follow_each(items, rest, context),
        (Item::List(items), Selector::Index(index)) => {
            follow_item(items.into_iter().nth(*index)?, rest, context)
        }
        (Item::List(items), Selector::Filter { .. }) => {
            let kept = items
                .into_iter()
                .filter(|item| matches!(item, Item::Value(element) if is_kept(element, first, context)))
                .collect();
            follow_each(kept, rest, context)
        }
        (Item::List(items), Selector::Key(_)) => follow_each(items, selectors, context),
        (Item::Object(members), Selector::Key(key)) => {
            let (_, value) = members
                .into_iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))?;
            follow_item(value, rest, context)
        }
        _ => None,
    }
}

fn follow_each<'s>(
    items: Vec<Item<'s>>,
    selectors: &[Selector],
    context: &'s RecordContext<'_>,
) -> Option<Item<'s>> {
    let found = items
        .into_iter()
        .filter_map(|item| follow_item(item, selectors, context))
        .flat_map(|item| match item {
            Item::List(inner) => inner,
            other => vec![other],
        })
        .collect();
    Item::list(found)
}

/// What stands at the end of a path without `[]` and filters; `None` if nothing does.
pub fn single<'s>(
    start: &'s Value<'s>,
    selectors: &[Selector],
    context: &'s RecordContext<'_>,
) -> Option<&'s Value<'s>> {
    let (mut value, rest) = match selectors.split_first() {
        Some((Selector::Key(key), rest)) if std::ptr::eq(start, context.document()) => {
            (context.resolve(context.member(key)?), rest)
        }
        _ => (context.resolve(start), selectors),
    };
    for selector in rest {
        let next = match selector {
            Selector::Key(key) => value.get(key)?,
            Selector::Index(index) => value.as_array()?.get(*index)?,
            Selector::All | Selector::Filter { .. } => return None,
        };
        value = context.resolve(next);
    }
    Some(value)
}

/// What a path with `[]` or filters has found so far.
struct Walk<'s> {
    found: Vec<Item<'s>>,
    limit: usize,
    steps_left: usize,
}

impl<'s> Walk<'s> {
    fn up_to(limit: usize) -> Self {
        Self {
            found: Vec::new(),
            limit,
            steps_left: MAX_VALUES,
        }
    }

    /// What was found; the record learns of a walk that was cut.
    fn end(self, context: &RecordContext<'_>) -> Vec<Item<'s>> {
        if self.steps_left == 0 {
            context.cut_walk();
        }
        self.found
    }
}

fn collect<'s>(
    start: &'s Value<'s>,
    selectors: &[Selector],
    context: &'s RecordContext<'_>,
    walk: &mut Walk<'s>,
) {
    let position = selectors
        .iter()
        .position(Selector::is_multiple)
        .unwrap_or(selectors.len());
    let (head, rest) = selectors.split_at(position);
    let Some(value) = single(start, head, context) else {
        return;
    };
    let Some((selector, rest)) = rest.split_first() else {
        walk.found.extend(Item::present(value));
        return;
    };
    // Filters that follow each other all look at the same elements.
    let more = rest
        .iter()
        .take_while(|selector| matches!(selector, Selector::Filter { .. }))
        .count();
    let (filters, rest) = rest.split_at(more);
    let elements = value.as_array().unwrap_or_default();
    let mut keep = |element: &'s Value<'s>, is_wanted: bool| {
        // References make a list of a list that stands in the record once.
        walk.steps_left = walk.steps_left.saturating_sub(1);
        if is_wanted && filters.iter().all(|filter| is_kept(element, filter, context)) {
            collect(element, rest, context, walk);
        }
        walk.found.len() < walk.limit && walk.steps_left > 0
    };
    if let (Some((wanted, is_negated)), Some(typed)) =
        (by_type(selector), context.entities().of_list(elements))
    {
        if !is_negated && !context.entities().may_have(wanted) {
            return;
        }
        for (element, kind) in typed {
            if !keep(
                element,
                kind.is_some_and(|kind| is_text(kind, wanted)) != is_negated,
            ) {
                return;
            }
        }
        return;
    }
    for element in elements {
        if !keep(element, is_kept(element, selector, context)) {
            return;
        }
    }
}

/// The type that a filter wants, and whether it wants any other.
fn by_type(selector: &Selector) -> Option<(&str, bool)> {
    match selector {
        Selector::Filter {
            key,
            value,
            is_negated,
        } if **key == *Entities::KEY => Some((value, *is_negated)),
        _ => None,
    }
}

/// Whether `[]` or a filter keeps an element. An element without the member passes only `!=`.
fn is_kept<'s>(element: &'s Value<'s>, selector: &Selector, context: &'s RecordContext<'_>) -> bool {
    let Selector::Filter {
        key,
        value: wanted,
        is_negated,
    } = selector
    else {
        return true;
    };
    let member = context.resolve(element).get(key);
    let is_equal = member.is_some_and(|member| is_text(context.resolve(member), wanted));
    is_equal != *is_negated
}

/// Whether a scalar reads `wanted`, whatever its case.
fn is_text(value: &Value<'_>, wanted: &str) -> bool {
    match value {
        Value::String(text) | Value::Number(text) => text.eq_ignore_ascii_case(wanted),
        Value::Bool(value) => wanted.eq_ignore_ascii_case(if *value { "true" } else { "false" }),
        _ => false,
    }
}
