//! Standard output, for verbs whose output is read by other programs.

use std::io::{ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;

use super::exit::Failure;

/// Writes one line. A reader that has seen enough, such as `head`, ends the process quietly.
pub fn line(content: &[u8]) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(content).and_then(|()| output.write_all(b"\n"));
    match written.and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        result => result
            .context("failed to write to standard output")
            .map_err(Failure::Internal),
    }
}

/// Writes what came of long work: `report` as one line of JSON if `json`, else `text`, which goes to standard error where
/// standard output belongs to records.
pub fn summary(
    report: &impl Serialize,
    text: String,
    json: bool,
    is_output_taken: bool,
) -> Result<(), Failure> {
    if json {
        return line(&serde_json::to_vec(report).expect("a report is JSON"));
    }
    if is_output_taken {
        eprint!("{text}");
        return Ok(());
    }
    self::text(&text)
}

/// Writes text that ends its own lines.
pub fn text(content: &str) -> Result<(), Failure> {
    let content = content.strip_suffix('\n').unwrap_or(content);
    line(content.as_bytes())
}
