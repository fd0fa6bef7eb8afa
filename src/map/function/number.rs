//! Functions on numbers.

use super::Argument;
use crate::map::item::Item;

pub(super) fn int<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    if matches!(input, Item::Integer(_)) {
        return Some(input);
    }
    let text = input.into_text()?;
    let text = text.trim();
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if let Some(digits) = hexadecimal {
        return i64::from_str_radix(digits, 16).ok().map(Item::Integer);
    }
    if let Ok(number) = text.parse() {
        return Some(Item::Integer(number));
    }
    let number: f64 = text.parse().ok()?;
    // Beyond 2^53 a float no longer says which whole number was meant.
    let is_exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    is_exact.then_some(Item::Integer(number as i64))
}

pub(super) fn float<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    number(input).map(Item::Float)
}

pub(super) fn percent<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    let ratio = number(input)?;
    (0.0..=1.0)
        .contains(&ratio)
        .then(|| Item::Integer((ratio * 100.0).round() as i64))
}

fn number(input: Item<'_>) -> Option<f64> {
    let number: f64 = input.into_text()?.trim().parse().ok()?;
    number.is_finite().then_some(number)
}
