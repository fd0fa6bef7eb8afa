//! The RELP target against a receiver that plays a script, and against a real rsyslog.

mod bench;
mod bridge;
mod check;
mod faults;
mod outages;
#[path = "../support/lines.rs"]
mod lines;
#[path = "../support/peers/mod.rs"]
#[expect(dead_code, unused_imports, reason = "tests of other receivers use the rest")]
mod peers;
#[path = "../support/relp_peer.rs"]
mod relp_peer;
mod rsyslog;
#[path = "../contract/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod tls;
