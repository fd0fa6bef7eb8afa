//! The Common Event Format: `CEF:0|vendor|product|version|class id|name|severity|key=value key=value`.
//!
//! Where the standard leaves room, this is what ArcSight's connectors and Sentinel's agent take:
//! - in the header `\` and `|` are escaped, and a line break becomes a space, because only values of the extension
//!   know `\n`;
//! - in the extension `\` and `=` are escaped and line breaks become `\n` and `\r`; a pipe is no special character
//!   there, and readers that do not expect `\|` would show the backslash;
//! - lengths are counted in bytes before escaping, the smaller of the two ways to read the standard;
//! - dates are milliseconds since 1970, the one form without a zone or a year to guess.
//!
//! A part of the header that is absent is `Unknown`, the word the standard has for the severity: an empty part would
//! shift nothing, but a receiver groups by class id and name.

use super::text;
use crate::map::budget::MapError;
use crate::map::evaluation::Evaluation;
use crate::map::expression::MemberContent;
use crate::map::plan::Plan;

/// What an absent part of the header is called.
pub const UNKNOWN: &str = "Unknown";

/// Appends one line without its end. Gives the number of values that were cut to their key's length.
pub(in crate::map) fn render<'s>(
    plan: &'s Plan,
    evaluation: &mut Evaluation<'s, '_>,
    output: &mut Vec<u8>,
) -> Result<u32, MapError> {
    let mut cuts = 0;
    output.extend_from_slice(b"CEF:0");
    for part in &plan.header {
        output.push(b'|');
        let value = evaluation.text(part)?;
        let limit = part.text.and_then(|field| field.limit_bytes);
        let line = value
            .as_deref()
            .and_then(|value| text::line(value, limit, replace_in_header));
        let (value, is_cut) = line
            .as_ref()
            .map_or((UNKNOWN, false), |(value, is_cut)| (&**value, *is_cut));
        text::push(output, value, escape_header);
        cuts += u32::from(is_cut);
    }
    output.push(b'|');
    let start = output.len();
    let mut is_written = false;
    for member in &plan.fields.members {
        match &member.content {
            MemberContent::Field(field) => {
                let value = evaluation.text(field)?;
                let limit = field.text.and_then(|field| field.limit_bytes);
                let line = value
                    .as_deref()
                    .and_then(|value| text::line(value, limit, keep_line_breaks));
                is_written = line.is_some();
                if let Some((value, is_cut)) = line {
                    push_pair(output, start, &member.name, &value);
                    cuts += u32::from(is_cut);
                }
            }
            MemberContent::Label(label) if is_written => push_pair(output, start, &member.name, label),
            _ => {}
        }
    }
    Ok(cuts)
}

fn push_pair(output: &mut Vec<u8>, start: usize, key: &str, value: &str) {
    if output.len() > start {
        output.push(b' ');
    }
    output.extend_from_slice(key.as_bytes());
    output.push(b'=');
    text::push(output, value, escape_extension);
}

fn escape_header(character: char) -> Option<&'static str> {
    match character {
        '\\' => Some("\\\\"),
        '|' => Some("\\|"),
        _ => None,
    }
}

fn replace_in_header(character: char) -> Option<&'static str> {
    matches!(character, '\n' | '\r').then_some(" ")
}

fn keep_line_breaks(character: char) -> Option<&'static str> {
    match character {
        '\n' => Some("\n"),
        '\r' => Some("\r"),
        _ => None,
    }
}

fn escape_extension(character: char) -> Option<&'static str> {
    match character {
        '\\' => Some("\\\\"),
        '=' => Some("\\="),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        _ => None,
    }
}
