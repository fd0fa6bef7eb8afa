//! Functions on whole lists.

use super::Argument;
use crate::map::item::{Item, deduplicate};

pub(super) fn join<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let texts: Vec<_> = input
        .into_elements()
        .into_iter()
        .filter_map(Item::into_text)
        .collect();
    Item::text(texts.join(arguments[0].as_text()))
}

pub(super) fn first<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    input.into_elements().into_iter().next()
}

pub(super) fn last<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    input.into_elements().pop()
}

pub(super) fn unique<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    let mut elements = input.into_elements();
    deduplicate(&mut elements);
    Item::list(elements)
}

pub(super) fn count<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    i64::try_from(input.into_elements().len()).ok().map(Item::Integer)
}
