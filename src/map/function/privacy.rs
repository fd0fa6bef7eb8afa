//! Functions that hide personal data.

use super::Argument;
use crate::map::item::Item;

/// What stands for the characters that are hidden; its length says nothing of theirs.
const HIDDEN: &str = "***";

pub(super) fn sha256<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let (Argument::Salt(salt), rest) = arguments.split_first()? else {
        return None;
    };
    let mut digits = salt.hash(&input.into_text()?);
    if let [length] = rest {
        digits.truncate(length.as_count());
    }
    Item::text(digits)
}

pub(super) fn mask<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let text = input.into_text()?;
    let shown = |index: usize| arguments.get(index).map_or(0, Argument::as_count);
    let (first, last) = (shown(0), shown(1));
    let length = text.chars().count();
    if length < 2 * (first + last) {
        return Item::text(HIDDEN);
    }
    let head = text.chars().take(first);
    let tail = text.chars().skip(length - last);
    Item::text(head.chain(HIDDEN.chars()).chain(tail).collect::<String>())
}
