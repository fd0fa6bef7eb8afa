//! Options of a `file` target as written.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::ByteSize;

/// Records as lines in a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The file; it and its directory are made if missing. `-` is standard output.
    pub path: PathBuf,
    /// Starts a new file when this one is large enough; without it one file grows for ever. Not for standard output.
    #[serde(default)]
    pub rotate: Option<Rotate>,
}

/// When a new file begins, and how many old ones stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// A file grows no larger than this, unless one record is.
    #[serde(default = "default_bytes")]
    pub bytes: ByteSize,
    /// Old files that stay: `.1` is the newest; what is older is removed.
    #[serde(default = "default_keep")]
    pub keep: NonZeroU32,
}

impl Settings {
    /// Whether the lines go to standard output.
    pub fn is_standard_output(&self) -> bool {
        self.path == Path::new("-")
    }
}

fn default_bytes() -> ByteSize {
    ByteSize::from_mib(100)
}

fn default_keep() -> NonZeroU32 {
    const { NonZeroU32::new(10).expect("ten is not zero") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_documented_defaults() {
        let cases = [
            ("{ path: ./all.jsonl }", None),
            ("{ path: ./all.jsonl, rotate: null }", None),
            ("{ path: ./all.jsonl, rotate: {} }", Some((100, 10))),
            (
                "{ path: ./all.jsonl, rotate: { bytes: 1MiB, keep: 3 } }",
                Some((1, 3)),
            ),
        ];
        for (text, expected) in cases {
            let settings: Settings = serde_saphyr::from_str(text).expect(text);
            let rotate = settings
                .rotate
                .map(|rotate| (rotate.bytes.0 >> 20, rotate.keep.get()));
            assert_eq!(rotate, expected, "{text}");
        }
        let settings: Settings = serde_saphyr::from_str(r#"path: "-""#).expect("it is valid");
        assert!(settings.is_standard_output());
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for text in [
            "{}",
            "{ path: x, rotate: { keep: 0 } }",
            "{ path: x, rotate: { size: 1MiB } }",
        ] {
            serde_saphyr::from_str::<Settings>(text).expect_err(text);
        }
    }
}
