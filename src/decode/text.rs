//! Small reads that the record types share.

use std::borrow::Cow;

use super::json::Value;

/// The text of `value` if it is text and not empty.
pub fn text<'d, 'e>(value: Option<&'d Value<'e>>) -> Option<&'d Cow<'e, str>> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The first non-empty text at one of `paths`.
pub fn first_text<'d>(document: &'d Value<'_>, paths: &[&[&str]]) -> Option<&'d str> {
    paths
        .iter()
        .find_map(|path| text(document.at(path)))
        .map(|text| text.as_ref())
}

/// `text` in lower case (ASCII), borrowed where it is so already.
pub fn lower<'t>(text: &Cow<'t, str>) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => lower_str(text),
        Cow::Owned(text) => Cow::Owned(text.to_ascii_lowercase()),
    }
}

/// `text` in lower case (ASCII), borrowed where it is so already.
pub fn lower_str(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}
