//! A replay: a range of the hub is read once more, for one target, beside the bridge.
//!
//! It reads through a consumer group of its own and without an owner level, so no reader of the bridge notices. Events go
//! the normal way: decode, route, map, and the workers of the target. Deliberately absent: checkpoints, the memory of last
//! deliveries, the directory of dead letters; a replay needs no local state and changes none.

pub mod range; // from where to where, in one partition
pub mod scope; // which partitions, and the range of each
pub mod progress; // what has become of it so far
pub mod report; // what became of it in the end
mod rejected; // where refused records go
mod reading; // reads one range
mod target; // the target it sends to
mod connected; // the hub it reads from
mod work; // its tasks and their ends
mod run; // everything together

pub use progress::Progress;
pub use range::{First, Last};
pub use rejected::Refusal;
pub use report::Report;
pub use run::{Replay, Settings};
pub use scope::{Chosen, PerPartition, Scope};
pub(super) use target::{check_file, target};
