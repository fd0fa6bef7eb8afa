//! Counts what a record has at its top that no version of the export is known to write: the first sign of a new one.

use super::{alert, assessment, attack_path, posture, sub_assessment};
use crate::event::{Kind, Record};

/// Number of members at the top of a record whose names its kind is not known to have. 0 for unknown records, of which
/// nothing is known.
pub fn unknown_fields(record: &Record<'_>) -> usize {
    let own: &[&str] = match record.kind {
        Kind::Unknown | Kind::Undecodable => return 0,
        Kind::Alert => &alert::FIELDS,
        Kind::Assessment => &assessment::FIELDS,
        Kind::SubAssessment => &sub_assessment::FIELDS,
        Kind::AttackPath => &attack_path::FIELDS,
        _ => &[],
    };
    let common: &[&str] = match record.kind {
        Kind::Alert => &[],
        _ => &posture::FIELDS,
    };
    let members = record.document.as_object().unwrap_or_default();
    // Most names stand exactly as listed, and in the listed order, so the list is searched from where the last one was.
    let mut next = 0;
    let unknown = members.iter().filter(|(name, _)| {
        let found = find(own, next, name);
        next = found.map_or(next, |index| index + 1);
        found.is_none() && find(common, 0, name).is_none()
    });
    unknown.count()
}

/// Position of `name` in `names`, searched from `start` on and then from the beginning.
fn find(names: &[&str], start: usize, name: &str) -> Option<usize> {
    let order = (start..names.len()).chain(0..start.min(names.len()));
    order
        .into_iter()
        .find(|&index| names[index].eq_ignore_ascii_case(name))
}
