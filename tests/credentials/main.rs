//! Every kind of credential against an authority (HTTPS with a CA of its own) and a metadata service that speak the
//! documented protocols strictly, and the hub and a target that are used with their tokens.

mod applications;
mod entra;
mod examples;
mod hub;
#[path = "../support/http_peer/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the contract of all kinds uses the rest")]
mod http_peer;
mod machines;
mod monitor;
mod processes;
mod rotation;
#[path = "../contract/stage.rs"]
mod stage;
#[path = "../eventhub/support.rs"]
#[expect(dead_code, reason = "the tests of the reader use the rest")]
mod support;
