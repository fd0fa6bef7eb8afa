//! `checkpoint`: the stored positions, looked at, moved, and brought from elsewhere.

mod group; // which consumer groups
mod view; // their checkpoints, looked at
mod taken; // the same, to be changed
mod list;
mod export;
mod counted; // how far two positions are apart
mod hub; // what the hub knows of positions
mod resolve; // a wish becomes a checkpoint
mod set;
mod import;

use super::exit::Failure;

/// What to do with checkpoints.
#[derive(Debug, clap::Subcommand)]
pub enum CheckpointArguments {
    /// A line for each partition: where a restart goes on, since when, and which targets are ahead of that.
    List(list::ListArguments),
    /// Move the positions of a consumer group that nothing reads: events are skipped or come again.
    Set(set::SetArguments),
    /// The checkpoints as one JSON object a line, for `import --from export`.
    Export(export::ExportArguments),
    /// Take over the positions of another consumer, or of another store.
    Import(Box<import::ImportArguments>),
}

/// Does what was asked for.
pub fn run(arguments: CheckpointArguments) -> Result<(), Failure> {
    match arguments {
        CheckpointArguments::List(arguments) => list::run(&arguments),
        CheckpointArguments::Set(arguments) => set::run(arguments),
        CheckpointArguments::Export(arguments) => export::run(&arguments),
        CheckpointArguments::Import(arguments) => import::run(*arguments),
    }
}
