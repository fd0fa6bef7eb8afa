//! Functions on ids, addresses and file names.

use std::borrow::Cow;

use super::{Argument, text::part};
use crate::decode::arm;
use crate::map::item::Item;

pub(super) fn arm<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let id = input.into_text()?;
    let part = arm::Part::named(arguments[0].as_text())?;
    let text = match id {
        Cow::Borrowed(id) => arm::part(id, part)?,
        Cow::Owned(id) => Cow::Owned(arm::part(&id, part)?.into_owned()),
    };
    Item::text(text)
}

pub(super) fn segment<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let wanted = arguments[0].as_text();
    part(input.into_text()?, |text| {
        let mut segments = arm::split(text);
        segments.find(|segment| segment.eq_ignore_ascii_case(wanted));
        segments.next().unwrap_or_default()
    })
}

pub(super) fn basename<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    part(input.into_text()?, |text| {
        text.rsplit(['/', '\\']).next().unwrap_or_default()
    })
}

pub(super) fn url<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    let text = input.into_text()?;
    if text.contains("://") {
        return part(text, str::trim);
    }
    let trimmed = text.trim();
    let host = trimmed.split(['/', '?', '#']).next().unwrap_or_default();
    let is_host = host.contains('.') && !host.contains(char::is_whitespace);
    is_host
        .then(|| Item::text(["https://", trimmed].concat()))
        .flatten()
}
