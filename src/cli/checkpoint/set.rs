//! `checkpoint set`.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;

use super::counted::{Moved, moved};
use super::group;
use super::hub::Hub;
use super::resolve::{Unresolved, Wanted, resolve};
use super::taken::Taken;
use super::view::{View, failure, is_invalid};
use crate::checkpoint::{Checkpoint, TargetPosition};
use crate::cli::exit::Failure;
use crate::cli::replay::grammar;
use crate::cli::{ConfigArguments, load, output};
use crate::config::Configuration;
use crate::event::{Offset, PartitionId, SequenceNumber, Timestamp};
use crate::pipeline::replay::Chosen;

/// Which position to move, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A checkpoint names the last event that counts as settled: after `--sequence-number 4711` the next
event read is 4712, as after `--offset` it is the one behind that offset. `--enqueued-after` is
followed by the first event that was enqueued at that time or later.

The hub is asked what it has there, through the consumer group, without displacing anyone. Nothing
may read the group meanwhile: stop the bridge first. What is skipped reaches no target; what comes
again comes with the same event_id. Positions of targets that were ahead go on to count only where
they are still ahead of a position that moves forward.

Exit code 0; 64 for a wrong command line or configuration, or a position that the hub does not
have; 69 if the hub cannot be reached or refuses, or something reads the group; 74 if another
process holds the checkpoints, or they cannot be read or written.

Examples:
  hub2siem checkpoint set --partition all --latest --dry-run
  hub2siem checkpoint set --consumer-group soc --partition 3 --sequence-number 4711")]
#[command(group(clap::ArgGroup::new("position").required(true)))]
pub struct SetArguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArguments,
    /// The consumer group; may be left out if the configuration reads only one.
    #[arg(long, value_name = "NAME")]
    pub consumer_group: Option<String>,
    /// The partitions: `all`, one, or several such as `0,3`.
    #[arg(long, value_name = "all|P[,P]", value_parser = grammar::partitions)]
    pub partition: Chosen,
    /// The last event that counts as settled, by its number; -1 is before the first event of all.
    #[arg(long, value_name = "NUMBER", group = "position", allow_negative_numbers = true,
          value_parser = clap::value_parser!(i64).range(-1..))]
    pub sequence_number: Option<i64>,
    /// The last event that counts as settled, by its offset.
    #[arg(long, value_name = "OFFSET", group = "position")]
    pub offset: Option<String>,
    /// Before the oldest event that the hub has.
    #[arg(long, group = "position")]
    pub earliest: bool,
    /// After the newest event of this moment.
    #[arg(long, group = "position")]
    pub latest: bool,
    /// Before the first event that was enqueued at this time or later (RFC 3339).
    #[arg(long, value_name = "TIME", group = "position", value_parser = time)]
    pub enqueued_after: Option<Timestamp>,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// With `checkpoint.blob`: take the partitions from an owner that is active, or was until just now.
    #[arg(long)]
    pub despite_owner: bool,
}

/// One move that is worked out.
struct Move {
    partition: PartitionId,
    before: Option<Checkpoint>,
    after: Checkpoint,
    events: Moved,
    notes: Vec<String>,
}

/// Works out every move, says what it means, and then stores the positions.
pub(super) fn run(arguments: SetArguments) -> Result<(), Failure> {
    let configuration = load::configuration(&arguments.config.config)?;
    let group = group::group(&configuration, arguments.consumer_group.as_deref())?;
    let one_partition = matches!(&arguments.partition, Chosen::These(names) if names.len() == 1);
    if !one_partition && (arguments.sequence_number.is_some() || arguments.offset.is_some()) {
        return Err(Failure::Usage(anyhow!(
            "sequence numbers and offsets count in each partition on their own; name one partition"
        )));
    }
    if arguments
        .enqueued_after
        .is_some_and(|time| time > Timestamp::now())
    {
        return Err(Failure::Usage(anyhow!("`--enqueued-after` is in the future")));
    }
    load::block_on(set(&configuration, &group, &arguments))?
}

async fn set(
    configuration: &Configuration,
    group: &Arc<str>,
    arguments: &SetArguments,
) -> Result<(), Failure> {
    // Taken first: what is worked out below must not change meanwhile.
    let taken = match arguments.dry_run {
        true => None,
        false => Some(Taken::take(configuration, group, arguments.despite_owner).await?),
    };
    let view = View::open(configuration, group)?;
    let hub = Hub::connect(configuration, group).await?;
    let moves = moves(&hub, arguments, &view).await;
    hub.close().await;
    let moves = moves?;
    refuse_without_effect(configuration, group, &moves)?;
    for it in &moves {
        say(group, it)?;
    }
    let Some(taken) = taken else {
        return output::text("dry run: nothing was changed");
    };
    taken
        .store_all(moves.iter().map(|it| (&it.partition, &it.after)))
        .await
}

async fn moves(hub: &Hub, arguments: &SetArguments, view: &View) -> Result<Vec<Move>, Failure> {
    let wanted = arguments.wanted();
    let mut moves = Vec::new();
    for partition in chosen(&arguments.partition, &hub.partitions)? {
        let resolved = resolve(hub, &partition, &wanted).await;
        let resolved = resolved.map_err(|error| match error {
            Unresolved::Foreign(detail) => Failure::Usage(anyhow!("partition `{partition}`: {detail}")),
            Unresolved::Peer(end) => hub.failure(&partition, end),
        })?;
        let mut notes = resolved.notes;
        let before = before(view, &partition, &mut notes).await?;
        let mut after = resolved.checkpoint;
        // Numbers of a hub that was deleted say nothing about this one.
        let comparable = before
            .as_ref()
            .filter(|before| !before.known_hub().is_another(hub.created_at));
        if let Some(before) = comparable {
            after.targets = still_ahead(before, after.sequence_number);
        }
        let events = moved(
            comparable.and_then(Checkpoint::known_sequence_number),
            after.sequence_number,
            resolved.oldest,
        );
        moves.push(Move {
            partition,
            before,
            after,
            events,
            notes,
        });
    }
    Ok(moves)
}

/// What stands there. A checkpoint that cannot be read is replaced, which is a way to mend it.
async fn before(
    view: &View,
    partition: &PartitionId,
    notes: &mut Vec<String>,
) -> Result<Option<Checkpoint>, Failure> {
    match view.load(partition).await {
        Ok(before) => Ok(before),
        Err(error) if is_invalid(&error) => {
            notes.push(format!(
                "the present checkpoint cannot be read and is replaced: {error}"
            ));
            Ok(None)
        }
        Err(error) => Err(failure(error)),
    }
}

/// The positions of targets that a shared position which moves to `number` leaves ahead; none where it moves back,
/// because what is wanted again is wanted by all.
fn still_ahead(before: &Checkpoint, number: SequenceNumber) -> BTreeMap<String, TargetPosition> {
    let mut targets = before.targets.clone();
    targets.retain(|_, position| number >= before.sequence_number && position.sequence_number > number);
    targets
}

/// Where a target keeps the positions together with its records, those count and a checkpoint behind them does not.
fn refuse_without_effect(
    configuration: &Configuration,
    group: &Arc<str>,
    moves: &[Move],
) -> Result<(), Failure> {
    let mut targets = configuration.targets.iter();
    let keeper = targets.find(|target| target.consumer_group == *group && target.keeps_positions());
    let Some(target) = keeper else { return Ok(()) };
    match moves.iter().find(|it| it.events.repeated > 0) {
        Some(it) => Err(Failure::Usage(anyhow!(
            "partition `{}` cannot go back: target `{}` keeps the positions of consumer group `{group}` in Kafka, beside \
             its records, and a checkpoint behind them has no effect; `hub2siem replay` reads a range once more",
            it.partition,
            target.name
        ))),
        None => Ok(()),
    }
}

fn say(group: &str, it: &Move) -> Result<(), Failure> {
    let position = |checkpoint: &Checkpoint| {
        let offset = &checkpoint.offset;
        match checkpoint.known_enqueued_time() {
            Some(time) => format!(
                "{} (offset {offset}, enqueued {time})",
                checkpoint.sequence_number
            ),
            None => format!("{} (offset {offset})", checkpoint.sequence_number),
        }
    };
    output::text(&format!(
        "partition {} of consumer group {group}\n  before: {}\n  after:  {}",
        it.partition,
        it.before
            .as_ref()
            .map_or_else(|| "no checkpoint".to_owned(), position),
        position(&it.after)
    ))?;
    let warn = |text: &str| eprintln!("warning: partition {}: {text}", it.partition);
    for note in &it.notes {
        warn(note);
    }
    let Moved { skipped, repeated } = it.events;
    if skipped > 0 {
        warn(&format!("{skipped} events are skipped: no target ever gets them"));
    }
    if repeated > 0 {
        warn(&format!(
            "{repeated} events come again: every target gets them once more"
        ));
    }
    Ok(())
}

fn chosen(chosen: &Chosen, partitions: &[PartitionId]) -> Result<Vec<PartitionId>, Failure> {
    let Chosen::These(names) = chosen else {
        return Ok(partitions.to_vec());
    };
    match names.iter().find(|name| !partitions.contains(name)) {
        Some(name) => Err(Failure::Usage(anyhow!("the hub has no partition `{name}`"))),
        None => Ok(names.iter().cloned().collect()),
    }
}

impl SetArguments {
    fn wanted(&self) -> Wanted {
        if let Some(time) = self.enqueued_after {
            return Wanted::EnqueuedAfter(time);
        }
        if self.earliest || self.latest {
            return if self.latest {
                Wanted::Latest
            } else {
                Wanted::Earliest
            };
        }
        Wanted::After {
            sequence_number: self.sequence_number.map(SequenceNumber),
            offset: self.offset.as_deref().map(Offset::new),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "write a time such as `2026-03-01T08:00:00Z`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::layout::VERSION;

    #[test]
    fn targets_stay_ahead_only_of_a_position_that_moves_forward() {
        let position = |number| TargetPosition {
            sequence_number: SequenceNumber(number),
            offset: Offset::new("0"),
        };
        let before = Checkpoint {
            version: VERSION,
            sequence_number: SequenceNumber(10),
            offset: Offset::new("0"),
            enqueued_time: Timestamp::UNKNOWN,
            hub_created_at: None,
            stored_at: None,
            targets: BTreeMap::from([
                ("near".to_owned(), position(15)),
                ("far".to_owned(), position(40)),
            ]),
        };
        for (number, expected) in [(9, &[][..]), (10, &["far", "near"]), (15, &["far"]), (40, &[])] {
            let targets = still_ahead(&before, SequenceNumber(number));
            assert_eq!(targets.keys().collect::<Vec<_>>(), expected, "{number}");
        }
    }
}
