//! Dead letters as operators meet them: the bridge writes them, other processes list, replay and purge them beside it, some
//! of which are killed; and copies go to a target that refuses some.
//!
//! Not proven here: what a power cut leaves of a segment; that is proven where segments are read.

#[path = "../processes/harness.rs"]
#[expect(dead_code, reason = "the tests of processes use the rest")]
mod harness;
#[path = "../support/http_peer/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the contract of all kinds uses the rest")]
mod http_peer;
#[path = "../processes/ledger.rs"]
#[expect(dead_code, reason = "the tests of processes use the rest")]
mod ledger;

mod forward; // copies for a target that refuses some
mod kill; // replays that are killed
mod letters; // what lies in the directory
mod purge; // room is made beside the bridge
mod replay; // what is sent, and what is not
mod scene; // hub, files and verbs
