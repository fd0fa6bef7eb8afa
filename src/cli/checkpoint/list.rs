//! `checkpoint list`.

use std::fmt::Write as _;

use serde::Serialize;

use super::group::groups;
use super::view::{Kept, View};
use crate::checkpoint::TargetPosition;
use crate::cli::exit::Failure;
use crate::cli::{ConfigArguments, load, output};
use crate::config;
use crate::event::{Offset, PartitionId, SequenceNumber, Timestamp};

/// What stands for a value that is not known.
const NONE: &str = "-";

/// Which to list, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It takes no lock and disturbs nobody; beside a running bridge the positions are those last stored.
Exit code 0; 64 for a wrong command line or configuration; 69 if the storage account cannot be
reached or refuses; 74 if a checkpoint cannot be read.")]
pub struct ListArguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// Only this consumer group.
    #[arg(long, value_name = "NAME")]
    pub consumer_group: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// A checkpoint as programs read it.
#[derive(Debug, Serialize)]
struct Listed<'l> {
    consumer_group: &'l str,
    partition: &'l PartitionId,
    sequence_number: Option<SequenceNumber>,
    offset: &'l Offset,
    enqueued_time: Option<Timestamp>,
    hub_created_at: Option<Timestamp>,
    targets: &'l std::collections::BTreeMap<String, TargetPosition>,
    stored_at: Option<Timestamp>,
    age_seconds: Option<i64>,
    /// Who owns the partition; none where one process has them all.
    owner: Option<&'l str>,
}

/// Prints a table for each consumer group, or a line of JSON for each partition.
pub(super) fn run(arguments: &ListArguments) -> Result<(), Failure> {
    let configuration = load::configuration(&arguments.config.config)?;
    let groups = groups(&configuration, arguments.consumer_group.as_deref())?;
    load::block_on(async {
        for group in groups {
            let view = View::open(&configuration, &group)?;
            let kept = view.load_all().await?;
            let now = Timestamp::now();
            if arguments.json {
                for (partition, kept) in &kept {
                    let listed = listed(&group, partition, kept, now);
                    output::line(&serde_json::to_vec(&listed).expect("a checkpoint is JSON"))?;
                }
                continue;
            }
            output::text(&format!("consumer group {group}, {}", view.describe()))?;
            match kept.is_empty() {
                true => output::text("  no checkpoint")?,
                false => {
                    let rows = kept.iter().map(|(partition, kept)| row(partition, kept, now));
                    output::text(&table(&HEADER, &rows.collect::<Vec<_>>()))?;
                }
            }
        }
        Ok(())
    })?
}

const HEADER: [&str; 8] = [
    "partition",
    "sequence number",
    "offset",
    "enqueued",
    "hub created",
    "stored",
    "owner",
    "targets ahead",
];

fn row(partition: &PartitionId, kept: &Kept, now: Timestamp) -> [String; 8] {
    let checkpoint = &kept.checkpoint;
    let time = |time: Option<Timestamp>| time.map_or_else(|| NONE.to_owned(), |time| time.to_string());
    let ahead = checkpoint.targets.iter().map(|(name, position)| {
        let events = position
            .sequence_number
            .0
            .saturating_sub(checkpoint.sequence_number.0);
        format!("{name} +{events}")
    });
    let ahead = ahead.collect::<Vec<_>>().join(", ");
    let offset = match checkpoint.offset.as_str() {
        "" => NONE,
        offset => offset,
    };
    [
        partition.to_string(),
        checkpoint
            .known_sequence_number()
            .map_or_else(|| NONE.to_owned(), |number| number.to_string()),
        offset.to_owned(),
        time(checkpoint.known_enqueued_time()),
        time(checkpoint.hub_created_at),
        kept.stored_at
            .map_or_else(|| NONE.to_owned(), |time| age(now.millis_since(time))),
        kept.owner.clone().unwrap_or_else(|| NONE.to_owned()),
        if ahead.is_empty() { NONE.to_owned() } else { ahead },
    ]
}

fn listed<'l>(group: &'l str, partition: &'l PartitionId, kept: &'l Kept, now: Timestamp) -> Listed<'l> {
    let checkpoint = &kept.checkpoint;
    Listed {
        consumer_group: group,
        partition,
        sequence_number: checkpoint.known_sequence_number(),
        offset: &checkpoint.offset,
        enqueued_time: checkpoint.known_enqueued_time(),
        hub_created_at: checkpoint.hub_created_at,
        targets: &checkpoint.targets,
        stored_at: kept.stored_at,
        age_seconds: kept.stored_at.map(|time| now.millis_since(time) / 1000),
        owner: kept.owner.as_deref(),
    }
}

/// How long ago, in the largest unit that is full.
fn age(millis: i64) -> String {
    let seconds = u64::try_from(millis / 1000).unwrap_or_default();
    if seconds == 0 {
        return "just now".to_owned();
    }
    let units = [86_400, 3_600, 60].into_iter();
    let unit = units.filter(|unit| seconds >= 2 * unit).max().unwrap_or(1);
    format!("{} ago", config::Duration::from_secs(seconds / unit * unit))
}

/// Columns as wide as their widest cell, two spaces apart.
pub(super) fn table<const COLUMNS: usize>(header: &[&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let mut text = String::new();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..COLUMNS).map(width).collect();
    let header = header.map(str::to_owned);
    for row in std::iter::once(&header).chain(rows) {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(text, "{}", line.join("  ").trim_end()).expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_one_unit() {
        for (millis, expected) in [
            (-5, "just now"),
            (1_999, "1s ago"),
            (119_000, "119s ago"),
            (185_000, "3m ago"),
            (7_300_000, "2h ago"),
            (3 * 86_400_000 + 5, "3d ago"),
        ] {
            assert_eq!(age(millis), expected);
        }
    }
}
