//! The ways to the hub and out of a closed network: AMQP over WebSocket, an HTTP proxy, an address of one's own; over TLS
//! with a private CA, with a real proxy, and as the program itself.

#![expect(
    clippy::duplicate_mod,
    reason = "Azurite and the peers bring the same certificates"
)]

#[path = "../support/azurite/mod.rs"]
#[expect(dead_code, reason = "the tests of checkpoints use the rest")]
mod azurite;
#[path = "../credentials/entra/mod.rs"]
#[expect(dead_code, reason = "the tests of credentials use the rest")]
mod entra;
#[path = "../support/peers/mod.rs"]
#[expect(dead_code, unused_imports, reason = "tests of other peers use the rest")]
mod peers;
mod program;
mod proxied;
mod refusals;
mod scene;
#[path = "../eventhub/support.rs"]
#[expect(dead_code, reason = "the tests of the reader use the rest")]
mod support;
mod terminator;
mod websocket;
