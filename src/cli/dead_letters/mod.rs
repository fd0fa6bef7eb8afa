//! `dead-letters`: what was refused for good, looked at, sent again and removed beside a running bridge.

mod name; // how letters are named
mod select; // which are meant
mod list;
mod show;
mod export;
mod replay;
mod purge;

use super::exit::Failure;
use name::Name;
use select::{Place, Selection};

/// What to do with dead letters.
#[derive(Debug, clap::Subcommand)]
pub enum DeadLettersArguments {
    /// A line for each, without its content, and how many there are by target and reason.
    List(ListArguments),
    /// Everything about some, with their content as text.
    Show(ShowArguments),
    /// Everything about them, one JSON object a line, for other programs.
    Export(Selection),
    /// Send them once more, and mark as done what is acknowledged.
    Replay(replay::ReplayArguments),
    /// Remove files all of whose letters are done with; with a choice, discard open letters.
    Purge(purge::PurgeArguments),
}

/// Which to list, and how.
#[derive(Debug, clap::Args)]
pub struct ListArguments {
    /// Which.
    #[command(flatten)]
    pub selection: Selection,
    /// One JSON object a line, without the content.
    #[arg(long)]
    pub json: bool,
}

/// Which to show.
#[derive(Debug, clap::Args)]
pub struct ShowArguments {
    /// The id that `list` prints, the `event_id` of a record or its beginning, or `PARTITION/SEQUENCE_NUMBER` of an event.
    #[arg(required = true, value_name = "ID")]
    pub names: Vec<Name>,
    /// Where they are.
    #[command(flatten)]
    pub place: Place,
}

/// Does what was asked for; fails with 74 if a file or a letter cannot be read, after everything that can.
pub fn run(arguments: DeadLettersArguments) -> Result<(), Failure> {
    match arguments {
        DeadLettersArguments::List(arguments) => list::run(&arguments),
        DeadLettersArguments::Show(arguments) => show::run(&arguments),
        DeadLettersArguments::Export(selection) => export::run(&selection),
        DeadLettersArguments::Replay(arguments) => replay::run(arguments),
        DeadLettersArguments::Purge(arguments) => purge::run(&arguments),
    }
}
