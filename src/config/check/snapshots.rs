//! Checks `snapshots`, `score_change_at_least` and the `state` they need.

use std::path::PathBuf;

use super::Check;
use crate::config::file::{Checkpoint, File};
use crate::config::target::{Snapshots, Target};
use crate::route::ten_thousandths::TenThousandths;

/// The fewest items with which remembering is of use.
const MIN_ITEMS: usize = 16;

/// The most: beyond, the table would take more than a gigabyte.
const MAX_ITEMS: usize = 10_000_000;

/// Where things are remembered: beside the checkpoints unless said otherwise.
///
/// The pattern names every store of checkpoints there is. One that several instances share is no place for this: an item's
/// updates spread over the partitions, and so over the instances, and none of them would know what was last delivered.
/// There the directory is required.
pub(in crate::config) fn state_directory(written: &File) -> PathBuf {
    let Checkpoint { file, blob: _ } = &written.checkpoint;
    let beside = file.as_ref().map(|file| &file.directory);
    let directory = written.state.directory.as_ref().or(beside);
    directory.cloned().unwrap_or_default()
}

impl Check<'_> {
    pub(super) fn state(&mut self, written: &File) {
        let items = &written.state.items;
        if !(MIN_ITEMS..=MAX_ITEMS).contains(&items.value) {
            let message = format!("{} items cannot be remembered", items.value);
            self.error(
                items.span.clone(),
                "config::invalid_value",
                message,
                "from 16 to 10000000",
                "",
            );
        }
    }

    /// The least change of a score, for a target that compares.
    pub(super) fn score_change(&mut self, name: &str, target: &Target) -> Option<TenThousandths> {
        let change = target.score_change_at_least.as_ref()?;
        if target.snapshots != Snapshots::ChangesOnly {
            let message =
                format!("target `{name}` does not compare snapshots, so no change of a score is too small");
            let help = "add `snapshots: changes_only` to the target, or remove this option";
            self.error(
                change.span.clone(),
                "config::invalid_value",
                message,
                "has no effect",
                help,
            );
        }
        Some(change.value.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::configuration::load_text;
    use crate::config::diagnostic::SourceFile;

    /// Loads a configuration with further options of its only target and at the top.
    fn load(target: &str, top: &str) -> Result<crate::config::Configuration, String> {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let secret = directory.path().join("connection_string");
        let text =
            "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=dGVzdA==";
        std::fs::write(&secret, text).expect("it can be written");
        let text = format!(
            "event_hub: {{ connection_string: {{ file: '{}' }}, name: defender }}\n\
             checkpoint: {{ file: {{ directory: ./positions }} }}\n\
             dead_letter: {{ file: {{ directory: ./dead-letters }} }}\n\
             {top}\n\
             targets:\n  soc: {{ file: {{ path: '-' }}, mapping: native, {target} }}\n",
            secret.display()
        );
        let file = SourceFile {
            name: "test.yaml".into(),
            text: text.into(),
        };
        load_text(&file)
            .map(|(configuration, _)| configuration)
            .map_err(|problems| problems.render(false))
    }

    #[test]
    fn what_is_possible_is_taken() {
        let configuration =
            load("snapshots: changes_only, score_change_at_least: 0.01", "").expect("it is fine");
        assert_eq!(configuration.state_directory.to_str(), Some("./positions"));
        assert_eq!(configuration.state_items, 200_000);
        let change = configuration.targets[0].score_change_at_least;
        assert_eq!(change.map(|change| change.get()), Some(100));

        let state = "state: { directory: ./elsewhere, items: 16 }";
        let configuration = load("snapshots: changes_only", state).expect("it is fine");
        assert_eq!(configuration.state_directory.to_str(), Some("./elsewhere"));
        assert_eq!(configuration.state_items, 16);
    }

    #[test]
    fn what_has_no_effect_or_is_impossible_is_refused() {
        let cases = [
            ("score_change_at_least: 0.01", "", "does not compare snapshots"),
            (
                "snapshots: drop, score_change_at_least: 0.01",
                "",
                "add `snapshots: changes_only`",
            ),
            (
                "snapshots: changes_only, score_change_at_least: 0",
                "",
                "`0` is no change of a score",
            ),
            (
                "snapshots: changes_only, score_change_at_least: 1%",
                "",
                "such as `0.01` for one percent",
            ),
            (
                "snapshots: changes_only, score_change_at_least: 1.5",
                "",
                "at most 1",
            ),
            (
                "snapshots: changes_only, score_change_at_least: 0.00001",
                "",
                "at most four decimals",
            ),
            (
                "snapshots: changes_only, score_change_at_least: -0.01",
                "",
                "`-0.01` is no change of a score",
            ),
            ("snapshots: changes", "", "changes_only"),
            ("snapshots: changes_only", "state: { items: 15 }", "from 16"),
            (
                "snapshots: changes_only",
                "state: { items: 10000001 }",
                "to 10000000",
            ),
            (
                "snapshots: changes_only",
                "state: { limit: 100 }",
                "unknown option `limit`",
            ),
        ];
        for (target, top, expected) in cases {
            let problems = load(target, top).expect_err(target);
            assert!(problems.contains(expected), "{target} {top}: {problems}");
        }
    }
}
