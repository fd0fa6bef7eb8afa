//! Functions on whole lists.

use super::{Argument, MAX_TEXT_BYTES};
use crate::map::budget::Spending;
use crate::map::item::{Item, deduplicate};

pub(super) fn join<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let separator = arguments[0].as_text();
    let texts: Vec<_> = input
        .into_elements()
        .into_iter()
        .filter_map(Item::into_text)
        .collect();
    let length: usize = texts.iter().map(|text| text.len() + separator.len()).sum();
    (length <= MAX_TEXT_BYTES)
        .then(|| Item::text(texts.join(separator)))
        .flatten()
}

pub(super) fn first<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    input.into_elements().into_iter().next()
}

pub(super) fn last<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    input.into_elements().pop()
}

pub(super) fn unique<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    let mut elements = input.into_elements();
    let mut spending = Spending::default();
    deduplicate(&mut elements, &mut spending);
    match spending.exceeded() {
        Some(_) => None,
        None => Item::list(elements),
    }
}

pub(super) fn count<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    i64::try_from(input.into_elements().len()).ok().map(Item::Integer)
}
