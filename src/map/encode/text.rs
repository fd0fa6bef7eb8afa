//! Values as the text formats want them: of the type of their key, on one line, no longer than allowed.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::decode::json::Value;
use crate::map::item::Item;
use crate::map::schema::{Field, Type};
use crate::map::{time, write};

/// The text of a value under a key; `None` if it does not fit the key, which counts as absent.
///
/// `field` is what the dictionary says of the key; `None` for own keys, which take any text. White space at both ends
/// is removed, because readers do so too.
pub fn fitted<'s>(item: Item<'s>, field: Option<&Field>) -> Option<Cow<'s, str>> {
    let Some(field) = field else {
        return trimmed(plain(item)?);
    };
    let text = match field.value_type {
        Type::Moment => Cow::Owned(moment(item)?.to_string()),
        Type::Text | Type::Anything | Type::Object => plain(item)?,
        _ if item.is_list() => {
            let mut elements = item.into_elements();
            let only = elements.pop().filter(|_| elements.is_empty());
            return fitted(only?, Some(field));
        }
        _ => item.into_text()?,
    };
    let text = trimmed(text)?;
    let is_fitting = match field.value_type {
        Type::Whole => text.parse::<i64>().is_ok_and(|number| {
            let (from, to) = field.range.unwrap_or((i64::MIN, i64::MAX));
            (from..=to).contains(&number)
        }),
        Type::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
        Type::Ip => text.parse::<IpAddr>().is_ok(),
        Type::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
        Type::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
        Type::Mac => is_mac(&text),
        _ => true,
    };
    let is_allowed = field.allowed.is_empty() || field.allowed.iter().any(|allowed| allowed.value == *text);
    (is_fitting && is_allowed).then_some(text)
}

/// Whether a value that says something may not fit a key. One that takes any text refuses only what is blank.
pub fn may_misfit(field: &Field) -> bool {
    !matches!(field.value_type, Type::Text | Type::Anything | Type::Object)
}

/// What of `text` may stand on a line, up to `limit` bytes and cut between characters, and whether anything was cut;
/// `None` if nothing is left.
///
/// `replace` gives what stands for a character the format cannot carry. A tab becomes a space; other control
/// characters are removed.
pub fn line<'t>(
    text: &'t str,
    limit: Option<usize>,
    replace: impl Fn(char) -> Option<&'static str>,
) -> Option<(Cow<'t, str>, bool)> {
    let is_changed = |character: char| character.is_control() || replace(character).is_some();
    // Nearly every text is plain ASCII, which is told without a branch for each byte.
    let is_plain = text.bytes().fold(true, |is_plain, byte| {
        is_plain & (b' '..0x7f).contains(&byte) & replace(char::from(byte)).is_none()
    });
    let clean = match !is_plain && text.contains(is_changed) {
        false => Cow::Borrowed(text),
        true => {
            let mut clean = String::with_capacity(text.len());
            for character in text.chars() {
                match replace(character) {
                    Some(replacement) => clean.push_str(replacement),
                    None if character == '\t' => clean.push(' '),
                    None if character.is_control() => {}
                    None => clean.push(character),
                }
            }
            Cow::Owned(clean)
        }
    };
    let clean = trimmed(clean)?;
    let limit = limit.unwrap_or(usize::MAX);
    if clean.len() <= limit {
        return Some((clean, false));
    }
    let end = (0..=limit).rev().find(|index| clean.is_char_boundary(*index));
    let start = Cow::Owned(clean[..end.unwrap_or_default()].to_owned());
    trimmed(start).map(|start| (start, true))
}

/// Appends `text`, with what `escape` gives for a character in its place; only characters of ASCII are asked for.
pub fn push(output: &mut Vec<u8>, text: &str, escape: impl Fn(char) -> Option<&'static str>) {
    let escape = |byte: u8| escape(char::from(byte)).filter(|_| byte.is_ascii());
    // Without a branch for each byte; few texts have anything to escape.
    let is_escaped = text
        .bytes()
        .fold(false, |is_escaped, byte| is_escaped | escape(byte).is_some());
    let mut rest = text.as_bytes();
    while is_escaped && let Some(index) = rest.iter().position(|byte| escape(*byte).is_some()) {
        output.extend_from_slice(&rest[..index]);
        output.extend_from_slice(escape(rest[index]).unwrap_or_default().as_bytes());
        rest = &rest[index + 1..];
    }
    output.extend_from_slice(rest);
}

/// Lists as text with commas, objects as JSON.
fn plain(item: Item<'_>) -> Option<Cow<'_, str>> {
    if item.is_list() {
        let texts: Vec<_> = item.into_elements().into_iter().filter_map(plain).collect();
        return (!texts.is_empty()).then(|| Cow::Owned(texts.join(", ")));
    }
    if item.is_object() {
        let mut json = Vec::new();
        write::item(&item, &mut json);
        return Some(Cow::Owned(String::from_utf8_lossy(&json).into_owned()));
    }
    item.into_text()
}

fn trimmed(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let is_visible = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if is_visible(text.as_bytes().first()) && is_visible(text.as_bytes().last()) {
        return Some(text);
    }
    let is_blank = |character: char| character.is_whitespace() || character.is_control();
    let trimmed = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(is_blank)),
        Cow::Owned(text) if text.starts_with(is_blank) || text.ends_with(is_blank) => {
            Cow::Owned(text.trim_matches(is_blank).to_owned())
        }
        owned => owned,
    };
    (!trimmed.is_empty()).then_some(trimmed)
}

/// Milliseconds since 1970, of 13 digits: what every reader takes without being told the format.
fn moment(item: Item<'_>) -> Option<i64> {
    let millis = match &item {
        Item::Time(time) => time.as_millis(),
        Item::Integer(number) => *number,
        Item::Value(Value::Number(number)) => number.parse().ok()?,
        Item::Value(Value::String(text)) => date(text)?,
        Item::Text(text) => date(text)?,
        _ => return None,
    };
    (1_000_000_000_000..10_000_000_000_000)
        .contains(&millis)
        .then_some(millis)
}

fn date(text: &str) -> Option<i64> {
    match text.parse() {
        Ok(millis) => Some(millis),
        Err(_) => time::parse(text).map(|moment| moment.as_millis()),
    }
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<_> = text.split([':', '-']).collect();
    parts.len() == 6
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::schema::Shape;

    #[test]
    fn values_fit_their_types_or_are_absent() {
        let cases = [
            (Type::Text, "a ", Some("a")),
            (Type::Text, " \n", None),
            (Type::Whole, "17", Some("17")),
            (Type::Whole, "1.5", None),
            (Type::Number, "1.5", Some("1.5")),
            (Type::Number, "NaN", None),
            (Type::Ipv4, "192.0.2.1", Some("192.0.2.1")),
            (Type::Ipv4, "2001:db8::1", None),
            (Type::Ipv6, "2001:db8::1", Some("2001:db8::1")),
            (Type::Ip, "2001:db8::1", Some("2001:db8::1")),
            (Type::Ip, "host", None),
            (Type::Mac, "00:0c:29:00:00:01", Some("00:0c:29:00:00:01")),
            (Type::Mac, "00:0c:29:00:00", None),
            (Type::Moment, "2024-11-08T07:01:02.123Z", Some("1731049262123")),
            (Type::Moment, "1731049262123", Some("1731049262123")),
            (Type::Moment, "1999-01-01T00:00:00Z", None),
        ];
        for (value_type, text, expected) in cases {
            let field = Field::new(value_type, Shape::One);
            let fitted = fitted(Item::Text(text.into()), Some(&field));
            assert_eq!(fitted.as_deref(), expected, "{value_type:?} {text}");
        }
    }

    #[test]
    fn lists_and_objects_become_text() {
        let list = Item::List(vec![
            Item::Text("a".into()),
            Item::Integer(5),
            Item::Object(vec![("k", Item::Bool(true))]),
        ]);
        assert_eq!(fitted(list, None).as_deref(), Some(r#"a, 5, {"k":true}"#));
        let port = Field::new(Type::Whole, Shape::One);
        assert_eq!(
            fitted(Item::List(vec![Item::Integer(5)]), Some(&port)).as_deref(),
            Some("5")
        );
        let two = Item::List(vec![Item::Integer(5), Item::Integer(6)]);
        assert_eq!(fitted(two, Some(&port)), None);
    }

    #[test]
    fn cuts_between_characters() {
        for (text, limit, expected) in [
            ("abc", None, Some(("abc", false))),
            ("abc", Some(3), Some(("abc", false))),
            ("abcd", Some(3), Some(("abc", true))),
            ("aüü", Some(4), Some(("aü", true))),
            ("ab cd", Some(3), Some(("ab", true))),
            ("a\tb\u{7}\u{85}c", None, Some(("a bc", false))),
            ("^ a^", None, Some(("a", false))),
            ("^^", None, None),
        ] {
            let line = line(text, limit, |character| (character == '^').then_some(""));
            let line = line.as_ref().map(|(text, is_cut)| (&**text, *is_cut));
            assert_eq!(line, expected, "{text}");
        }
    }
}
