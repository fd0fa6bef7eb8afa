//! Stage 6: outcomes become low-water marks.
//!
//! A [`Window`] bounds what one consumer group holds, [`InFlight`] tracks the events of one partition, and a
//! [`Ticket`] is the obligation of one record at one target to settle. A record that comes from elsewhere than from a
//! partition has a ticket of its own, whose answer goes to whoever sent it. Deliberately absent: I/O and waiting for room.

pub mod account;
pub mod alone;
pub mod credit;
pub mod fan_in;
pub mod in_flight;
pub mod progress;
mod queue;
mod share;
pub mod window;

pub use account::{Account, Gaps, TargetAccount};
pub use alone::Answer;
pub use credit::CreditBudget;
pub use fan_in::{EventInFlight, Settlement, Ticket};
pub use in_flight::{InFlight, Mark, Standing};
pub use progress::{Passed, Progress, Targets};
pub use window::{Held, Window};

#[cfg(test)]
mod tests;
