//! The parts of a line before its keys, alike in CEF and LEEF: each behind a pipe, in the order of the format.
//!
//! A part that is absent is `Unknown`, the word CEF has for the severity: an empty part would shift nothing, but a
//! receiver groups by class id and name.

use super::text;
use crate::map::budget::MapError;
use crate::map::evaluation::Evaluation;
use crate::map::plan::Plan;

/// What an absent part is called.
pub const UNKNOWN: &str = "Unknown";

/// Appends the parts of `plan`'s header. Gives the number of values that were cut to their part's length.
///
/// `replace` gives what stands for a character the format cannot carry, `escape` what is written for one that it can.
pub fn write<'s>(
    plan: &'s Plan,
    evaluation: &mut Evaluation<'s, '_>,
    output: &mut Vec<u8>,
    replace: impl Fn(char) -> Option<&'static str>,
    escape: impl Fn(char) -> Option<&'static str>,
) -> Result<u32, MapError> {
    let mut cuts = 0;
    for part in &plan.header {
        output.push(b'|');
        let value = evaluation.text(part)?;
        let limit = part.text.and_then(|field| field.limit_bytes);
        let line = value
            .as_deref()
            .and_then(|value| text::line(value, limit, &replace));
        let (value, is_cut) = line
            .as_ref()
            .map_or((UNKNOWN, false), |(value, is_cut)| (&**value, *is_cut));
        text::push(output, value, &escape);
        cuts += u32::from(is_cut);
    }
    Ok(cuts)
}
