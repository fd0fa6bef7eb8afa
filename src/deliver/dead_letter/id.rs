//! The name of one dead letter: its file and where it begins there.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Name of a dead letter, as `list` prints it and `show`, `replay` and `purge` take it: `20260201T101530123-4711`.
///
/// Stable: nothing is ever moved within a file, and no two files of a directory have the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    /// Name of the file, without its ending.
    pub file: Arc<str>,
    /// Byte at which the letter begins.
    pub offset: u64,
}

/// The text names no letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no id of a dead letter, such as `20260201T101530123-4711`")]
pub struct NoId;

impl fmt::Display for LetterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.file, self.offset)
    }
}

impl FromStr for LetterId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let (file, offset) = text.rsplit_once('-').ok_or(NoId)?;
        let is_number = !offset.is_empty() && offset.bytes().all(|byte| byte.is_ascii_digit());
        let offset = offset.parse().ok().filter(|_| is_number && !file.is_empty());
        Ok(Self {
            file: file.into(),
            offset: offset.ok_or(NoId)?,
        })
    }
}

impl Serialize for LetterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_written() {
        for (text, expected) in [
            ("20260201T101530123-4711", Some(("20260201T101530123", 4711))),
            ("2026-02-01-0", Some(("2026-02-01", 0))),
            ("2026-02-01-", None),
            ("4711", None),
            ("-1", None),
            ("x-+1", None),
        ] {
            let id = LetterId::from_str(text);
            let parts = id.as_ref().ok().map(|id| (&*id.file, id.offset));
            assert_eq!(parts, expected, "{text}");
            if let Ok(id) = id {
                assert_eq!(id.to_string(), text);
            }
        }
    }
}
