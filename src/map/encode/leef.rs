//! The Log Event Extended Format: `LEEF:2.0|vendor|product|version|event id|^|key=value^key=value`.
//!
//! The format has no escape. The delimiter is `^`, because the default, a tab, does not survive rsyslog; it is removed
//! from values, which counts as a cut: in a command line it can mean something. A line break becomes a space, so that
//! the words at its sides stay apart. A pipe in the header
//! would end its part and becomes a space; in values it is an ordinary character, and so is `=`, because QRadar ends a
//! key at the first one. Lengths are counted in bytes. Dates have 13 digits, which QRadar reads without a
//! `devTimeFormat`.

use super::{header, text};
use crate::map::budget::MapError;
use crate::map::evaluation::Evaluation;
use crate::map::expression::MemberContent;
use crate::map::plan::Plan;

/// What stands between attributes.
pub const DELIMITER: char = '^';

/// Appends one line without its end. Gives the number of values that were cut to their key's length or lost a delimiter.
pub(in crate::map) fn render<'s>(
    plan: &'s Plan,
    evaluation: &mut Evaluation<'s, '_>,
    output: &mut Vec<u8>,
) -> Result<u32, MapError> {
    output.extend_from_slice(b"LEEF:2.0");
    let mut cuts = header::write(plan, evaluation, output, replace_in_header, |_| None)?;
    output.extend_from_slice(b"|^|");
    let start = output.len();
    for member in &plan.fields.members {
        let MemberContent::Field(field) = &member.content else {
            continue;
        };
        let Some(value) = evaluation.text(field)? else {
            continue;
        };
        let limit = field.text.and_then(|field| field.limit_bytes);
        let line = text::line(&value, limit, replace_in_value);
        let is_cut = line.as_ref().is_some_and(|(_, is_cut)| *is_cut);
        cuts += u32::from(is_cut || value.contains(DELIMITER));
        // A value of delimiters alone leaves nothing.
        let Some((value, _)) = line else {
            continue;
        };
        if output.len() > start {
            output.push(DELIMITER as u8);
        }
        output.extend_from_slice(member.name.as_bytes());
        output.push(b'=');
        output.extend_from_slice(value.as_bytes());
    }
    Ok(cuts)
}

fn replace_in_header(character: char) -> Option<&'static str> {
    match character {
        '|' | '\n' | '\r' => Some(" "),
        _ => None,
    }
}

fn replace_in_value(character: char) -> Option<&'static str> {
    match character {
        DELIMITER => Some(""),
        '\n' | '\r' => Some(" "),
        _ => None,
    }
}
