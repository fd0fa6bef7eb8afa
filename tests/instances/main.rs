//! Several instances that share a consumer group, as operators run them: each a process, beside one event hub, one receiver
//! and a real blob store. They join, leave, die, stand still, and one has the wrong time; what must hold is read from the
//! outside: what arrived, what stands in the store, `/readyz`, `/metrics`.
//!
//! Not proven here: anything about Azure itself; the hub is the emulator of this crate, the store is Azurite. The decisions
//! alone, with far more fleets and moments, are tried in `src/pipeline/ownership/plan/simulation.rs`.

#[path = "../support/azurite/mod.rs"]
#[expect(dead_code, reason = "this program needs a part of it")]
mod azurite; // the blob store
#[path = "../processes/audited.rs"]
#[expect(dead_code, reason = "this program needs a part of it")]
mod audited; // what the verb `audit` says
#[path = "../processes/harness.rs"]
#[expect(dead_code, reason = "this program needs a part of it")]
mod harness; // processes, waiting, HTTP
#[path = "../processes/ledger.rs"]
#[expect(dead_code, reason = "this program needs a part of it")]
mod ledger; // what arrived, item by item
#[path = "../support/proxy.rs"]
#[expect(dead_code, reason = "this program needs a part of it")]
mod proxy; // a network that breaks

mod clock; // a clock that is wrong
mod dead; // a reader whose connection is dead
mod faults; // what must not move partitions, and who has no right to them
mod feed; // the hub and what it gets
mod fleet; // the stage
mod instance; // one of them
mod masked; // a theft that looks like a fault
mod late; // an instance that attaches after its loss
mod moves; // joining, leaving, dying, standing still
mod recreated; // a hub that was made anew
mod strategy; // one claim at a time, from the newest events on
mod turn; // how many fleets there are at a time
