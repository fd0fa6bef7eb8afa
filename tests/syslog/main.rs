//! The `syslog` target between a stage and real receivers: what they understand, restarts under load, TLS, limits, stops.

mod bench;
mod bridge;
mod check;
mod datagrams;
mod limits;
mod pairings;
#[path = "../support/lines.rs"]
mod lines;
#[path = "../support/peers/mod.rs"]
#[expect(dead_code, reason = "the tests of RELP use the rest")]
mod peers;
mod restarts;
#[path = "../contract/stage.rs"]
mod stage;
mod tls;
mod traps;
