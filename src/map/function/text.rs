//! Functions on text.

use std::borrow::Cow;

use super::{Argument, MAX_TEXT_BYTES};
use crate::map::item::Item;
use crate::map::write;

pub(super) fn lower<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    let text = input.into_text()?;
    let is_lower = text
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    Item::text(if is_lower {
        text
    } else {
        Cow::Owned(text.to_lowercase())
    })
}

pub(super) fn upper<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    Item::text(input.into_text()?.to_uppercase())
}

pub(super) fn trim<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    part(input.into_text()?, str::trim)
}

pub(super) fn text<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    input.into_text().map(Item::Text)
}

pub(super) fn split<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let separator = arguments[0].as_text();
    let pieces = match input.into_text()? {
        Cow::Borrowed(text) => text
            .split(separator)
            .filter_map(|piece| Item::text(piece.trim()))
            .collect(),
        Cow::Owned(text) => text
            .split(separator)
            .filter_map(|piece| Item::text(piece.trim().to_owned()))
            .collect(),
    };
    Item::list(pieces)
}

pub(super) fn after_last<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let mark = arguments[0].as_text();
    part(input.into_text()?, |text| {
        text.rsplit_once(mark).map_or(text, |(_, rest)| rest)
    })
}

pub(super) fn before<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let mark = arguments[0].as_text();
    part(input.into_text()?, |text| {
        text.split_once(mark).map_or(text, |(head, _)| head)
    })
}

pub(super) fn truncate<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let limit = arguments[0].as_count();
    part(input.into_text()?, |text| {
        let end = text
            .char_indices()
            .nth(limit)
            .map_or(text.len(), |(index, _)| index);
        &text[..end]
    })
}

pub(super) fn replace<'s>(input: Item<'s>, arguments: &'s [Argument]) -> Option<Item<'s>> {
    let text = input.into_text()?;
    let (from, to) = (arguments[0].as_text(), arguments[1].as_text());
    let length = text.len() + text.matches(from).count().saturating_mul(to.len());
    (length <= MAX_TEXT_BYTES)
        .then(|| Item::text(text.replace(from, to)))
        .flatten()
}

pub(super) fn json<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    let mut output = Vec::new();
    write::item(&input, &mut output);
    String::from_utf8(output).ok().and_then(Item::text)
}

pub(super) fn plain_text<'s>(input: Item<'s>, _: &'s [Argument]) -> Option<Item<'s>> {
    let text = input.into_text()?;
    if !text.contains(['<', '&']) {
        return part(text, str::trim);
    }
    Item::text(without_markup(&text).trim().to_owned())
}

/// Keeps a part of a text without copying it where the text is the record's own.
pub(super) fn part<'s>(text: Cow<'s, str>, choose: impl Fn(&str) -> &str) -> Option<Item<'s>> {
    match text {
        Cow::Borrowed(text) => Item::text(choose(text)),
        Cow::Owned(text) => Item::text(choose(&text).to_owned()),
    }
}

/// A `<` that starts no tag stays: `a < b` is text.
fn without_markup(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(position) = rest.find(['<', '&']) {
        plain.push_str(&rest[..position]);
        rest = &rest[position..];
        let (replacement, length) = match rest.as_bytes()[0] {
            b'<' => tag(rest),
            _ => entity(rest),
        };
        match replacement {
            Some(character) if character == '\n' && plain.ends_with('\n') => {}
            Some(character) => plain.push(character),
            None => {}
        }
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

/// What a tag at the start of `text` becomes, and its length.
fn tag(text: &str) -> (Option<char>, usize) {
    let name: String = text[1..]
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let is_tag = name.starts_with(|character: char| character.is_ascii_alphabetic());
    let Some(end) = text.find('>').filter(|_| is_tag) else {
        return (Some('<'), 1);
    };
    let ends_line = matches!(
        name.as_str(),
        "br" | "p" | "div" | "li" | "ul" | "ol" | "tr" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
    );
    (ends_line.then_some('\n'), end + 1)
}

/// The character an entity at the start of `text` stands for, and its length.
fn entity(text: &str) -> (Option<char>, usize) {
    // The longest name known here has six characters; a number at most seven digits.
    let name = text[1..]
        .split_once(';')
        .map(|(name, _)| name)
        .filter(|name| name.len() <= 9);
    let character = name.and_then(|name| match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        "ndash" => Some('\u{2013}'),
        "mdash" => Some('\u{2014}'),
        "hellip" => Some('\u{2026}'),
        _ => numeric(name),
    });
    match (character, name) {
        (Some(character), Some(name)) => (Some(character), name.len() + 2),
        _ => (Some('&'), 1),
    }
}

fn numeric(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code).filter(|character| !character.is_control())
}
