//! Ranges of an emulated hub, replayed in process: exactly what was asked for arrives, whatever happens on the way.
//!
//! Not proven here: that a bridge beside it notices nothing; see `tests/processes/replay.rs`.

mod stage; // a hub, receivers and the replay between them

mod ranges; // from where to where
mod records; // which records, with which ids
mod faults; // connections, targets and events that go away
mod refused; // records nobody takes
mod stopping; // before the end
