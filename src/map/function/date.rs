//! Functions on dates.

use super::Argument;
use crate::event::Timestamp;
use crate::map::item::Item;
use crate::map::time;

pub(super) fn rfc3339<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    moment(input).map(Item::Time)
}

pub(super) fn epoch_ms<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    moment(input).map(|moment| Item::Integer(moment.as_millis()))
}

pub(super) fn epoch_s<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    moment(input).map(|moment| Item::Integer(moment.as_millis().div_euclid(1000)))
}

pub(super) fn date_us<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    time::parse_us(&input.into_text()?).map(Item::Time)
}

fn moment(input: Item<'_>) -> Option<Timestamp> {
    match input {
        Item::Time(moment) => Some(moment),
        other => time::parse(&other.into_text()?),
    }
}
