//! The Common Event Format: `CEF:0|vendor|product|version|class id|name|severity|key=value key=value`.
//!
//! Where the standard leaves room, this is what ArcSight's connectors and Sentinel's agent take:
//! - in the header `\` and `|` are escaped, and a line break becomes a space, because only values of the extension
//!   know `\n`;
//! - in the extension `\` and `=` are escaped and line breaks become `\n` and `\r`; a pipe is no special character
//!   there, and readers that do not expect `\|` would show the backslash;
//! - lengths are counted in bytes before escaping, the smaller of the two ways to read the standard;
//! - dates are milliseconds since 1970, the one form without a zone or a year to guess.

use super::{header, text};
use crate::map::budget::MapError;
use crate::map::evaluation::Evaluation;
use crate::map::expression::MemberContent;
use crate::map::plan::Plan;

/// Appends one line without its end. Gives the number of values that were cut to their key's length.
pub(in crate::map) fn render<'s>(
    plan: &'s Plan,
    evaluation: &mut Evaluation<'s, '_>,
    output: &mut Vec<u8>,
) -> Result<u32, MapError> {
    output.extend_from_slice(b"CEF:0");
    let mut cuts = header::write(plan, evaluation, output, replace_in_header, escape_header)?;
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
