//! `--from export`: what `checkpoint export` wrote.

use std::collections::btree_map::Entry;
use std::io::Read;
use std::path::Path;

use anyhow::Context;

use super::raw::{Content, Item, Raw};
use crate::checkpoint::Exported;
use crate::checkpoint::legacy::Names;
use crate::cli::exit::Failure;

/// Bytes of an export; a hub has at most a few thousand partitions.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the file, or standard input for `-`.
pub(super) fn read(path: &Path, names: Names<'_>) -> Result<Raw, Failure> {
    let is_input = path == Path::new("-");
    let name = match is_input {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let mut text = String::new();
    let read = match is_input {
        true => std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)),
    };
    read.with_context(|| format!("failed to read `{name}`"))
        .map_err(Failure::State)?;
    Ok(parse(&name, &text, names))
}

/// The lines of the consumer group that `names` tells; those of others are counted.
fn parse(file: &str, text: &str, names: Names<'_>) -> Raw {
    let mut raw = Raw::default();
    let mut others = 0;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = format!("{file}, line {}", index + 1);
        let exported = match Exported::parse(line) {
            Ok(exported) => exported,
            Err(detail) => {
                raw.strays.push((place, detail));
                continue;
            }
        };
        if !is_of(&exported, names) {
            others += 1;
            continue;
        }
        match raw.partitions.entry(exported.partition) {
            Entry::Vacant(entry) => {
                let content = Content::Own(Box::new(exported.checkpoint));
                entry.insert(Item {
                    place,
                    stored_at: None,
                    content,
                });
            }
            Entry::Occupied(mut entry) => {
                let first = &entry.get().place;
                let detail = format!("the same partition stands in {first}");
                entry.insert(Item {
                    content: Content::Unreadable(detail),
                    stored_at: None,
                    place,
                });
            }
        }
    }
    if others > 0 {
        raw.warnings.push(format!(
            "{others} lines are of other hubs or consumer groups and are left out; `--source-namespace`, `--source-hub` \
             and `--source-consumer-group` name those to read"
        ));
    }
    raw
}

fn is_of(exported: &Exported, names: Names<'_>) -> bool {
    exported.namespace.eq_ignore_ascii_case(names.namespace)
        && exported.hub.eq_ignore_ascii_case(names.hub)
        && exported.consumer_group.eq_ignore_ascii_case(names.consumer_group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(group: &str, partition: &str, number: i64) -> String {
        format!(
            r#"{{"format":1,"namespace":"Contoso.servicebus.windows.net","hub":"defender","consumer_group":"{group}","partition":"{partition}","checkpoint":{{"version":1,"sequence_number":{number},"offset":"4096","enqueued_time":"2026-03-01T08:00:00.000Z","hub_created_at":null,"targets":{{}}}}}}"#
        )
    }

    /// Scenario: lines of two groups, an empty one, a torn one, and a partition that is named twice.
    /// Guarantees: each line is used, counted as another group's, or named as unreadable.
    #[test]
    fn every_line_is_accounted_for() {
        let text = [
            &line("$Default", "0", 7),
            "",
            &line("soc", "0", 8),
            &line("$default", "1", 9),
            "{\"format\":1,",
            &line("$Default", "1", 10),
        ]
        .join("\n");
        let names = Names {
            namespace: "contoso.servicebus.windows.net",
            hub: "Defender",
            consumer_group: "$Default",
            is_exact: false,
        };
        let raw = parse("export.jsonl", &text, names);
        let found: Vec<_> = raw
            .partitions
            .iter()
            .map(|(partition, item)| match &item.content {
                Content::Own(checkpoint) => format!("{partition}: {}", checkpoint.sequence_number),
                other => format!("{partition}: {other:?}"),
            })
            .collect();
        assert_eq!(
            found,
            [
                "0: 7",
                "1: Unreadable(\"the same partition stands in export.jsonl, line 4\")"
            ]
        );
        assert_eq!(raw.strays.len(), 1);
        assert_eq!(raw.strays[0].0, "export.jsonl, line 5");
        assert!(raw.warnings[0].starts_with("1 lines"), "{:?}", raw.warnings);
    }
}
