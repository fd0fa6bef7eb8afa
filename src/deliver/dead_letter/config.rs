//! The section `dead_letter` as written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::yaml::Spanned;
use crate::config::{ByteSize, Duration};

/// Where records go that were refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The directory on a local disk.
    pub file: File,
    /// A target of this file that gets a copy of every dead letter but its own, as JSON, once the letter is on disk. A copy
    /// holds nothing back: what the target cannot take is dropped and counted.
    pub forward_to: Option<Spanned<String>>,
    /// What becomes of valid JSON of an unknown type that no route of any target accepts.
    #[serde(default)]
    pub unrouted_unknown: UnroutedUnknown,
}

/// Segments of dead letters on a local disk; docs/dead-letters.md has their form.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Directory of the files; made if missing.
    pub directory: PathBuf,
    /// Size of all files at which intake stops, until some are purged or the limit is raised.
    #[serde(default = "default_limit")]
    pub limit: ByteSize,
    /// Dead letters older than this are warned about; only `dead-letters purge` removes any.
    #[serde(default = "default_age")]
    pub age: Duration,
}

/// What becomes of an unknown record that no route accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnroutedUnknown {
    /// It becomes a dead letter, so that an alert whose shape changed does not vanish.
    #[default]
    DeadLetter,
    /// It is only counted, for a hub shared with other senders.
    Count,
}

fn default_limit() -> ByteSize {
    ByteSize::from_mib(1024)
}

fn default_age() -> Duration {
    Duration::from_secs(30 * 24 * 60 * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_documented_defaults() {
        let short: Settings =
            serde_saphyr::from_str("file: { directory: ./dead-letters }").expect("the rest has defaults");
        let long = "{ file: { directory: ./dead-letters, limit: 1GiB, age: 30d }, forward_to: null, \
                    unrouted_unknown: dead_letter }";
        assert_eq!(
            short,
            serde_saphyr::from_str(long).expect("every option is known")
        );
    }

    #[test]
    fn refuses_what_it_does_not_do() {
        for (text, expected) in [
            ("{ file: { directory: x, keep: 1 } }", "keep"),
            ("{ file: { directory: x, limit: 5 } }", "not a size"),
            ("{}", "file"),
        ] {
            let error = serde_saphyr::from_str::<Settings>(text)
                .expect_err(text)
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
