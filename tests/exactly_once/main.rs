//! `exactly_once: true` as real processes: an emulated hub, a real broker, and the program under test, which is killed,
//! frozen, and left without its broker.

#[path = "../support/kafka_broker/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod kafka_broker;

#[path = "../support/azurite/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
#[expect(clippy::duplicate_mod, reason = "the broker has certificates too")]
mod azurite;

#[path = "../processes/harness.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod harness;

mod beside;
mod delivered;
mod hidden;
mod kill;
mod outage;
mod scene;
mod shared;
mod zombie;
