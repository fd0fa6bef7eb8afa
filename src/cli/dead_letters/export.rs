//! `dead-letters export`.

use super::select::Selection;
use crate::cli::exit::Failure;
use crate::cli::output;

/// The letters as one JSON object a line on standard output, and nothing else there.
pub(super) fn run(selection: &Selection) -> Result<(), Failure> {
    selection.each(&mut |entry, _| output::line(&entry.json))
}
