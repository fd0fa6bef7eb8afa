//! Who reads which partition, where several instances share a consumer group.
//!
//! Each instance writes down what it reads, renews that again and again, and looks at what the others wrote. Every write
//! names the version it replaces, so of two that want the same partition one is refused. Nobody leads.
//!
//! Deliberately absent: a clock of this machine. What has expired is told by the store's.

mod plan; // what to claim
mod sharing; // whether anything is shared, and how
mod cycle; // renew, look, claim, again and again
mod first; // what comes before the first claim
mod readers; // readers that begin with a claim and end with a loss
mod tenures; // what is read, and until when
mod disputes; // what somebody else takes at the hub
mod meter; // what the metrics say of it
mod held; // what is left to do at a stop

pub(super) use cycle::Cycle;
pub use held::Held;
pub use sharing::{Ownership, Sharing};
