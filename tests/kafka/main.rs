//! Target kind `kafka` between a stage and brokers: faults on demand at an imitation of a cluster, the rest at a real one.

mod bench;
mod bridge;
mod check;
mod claim;
mod delivered;
mod faults;
#[path = "../support/kafka_broker/mod.rs"]
#[expect(dead_code, reason = "tests of exactly once use the rest")]
mod kafka_broker;
#[path = "../support/kafka_mock/mod.rs"]
mod kafka_mock;
mod order;
mod producer;
mod refused;
mod restart;
mod secure;
#[path = "../contract/stage.rs"]
mod stage;

use kafka_broker::message as kafka_message;
