//! The targets with batches by HTTP between a stage and strict receivers: outages, lost replies, partial failures, reloads
//! and TLS.

mod bench;
mod bridge;
mod chaos;
mod check;
mod endpoints;
mod lanes;
#[path = "../support/http_peer/mod.rs"]
#[expect(dead_code, reason = "the contract of all kinds uses the rest")]
mod http_peer;
mod reload;
mod replies;
#[path = "../contract/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod tls;
