//! Checkpoints and ownerships in a container, against a real Azurite: the layout byte for byte, every way to be let in,
//! every refused write, an outage, a whole bridge, and Microsoft's own consumer beside it.
//!
//! Not proven here: Azure itself, accounts with a hierarchical namespace, soft delete and versioning.

#[path = "../support/azurite/mod.rs"]
#[expect(dead_code, reason = "several test programs use a part of this")]
mod azurite;

#[path = "../credentials/entra/mod.rs"]
#[expect(dead_code, reason = "another test program uses the rest")]
mod entra;

#[path = "../processes/harness.rs"]
#[expect(dead_code, reason = "another test program uses the rest")]
mod harness;

#[path = "../support/python.rs"]
mod packages;

mod stage; // stores and checkpoints to begin with
mod layout; // what stands in the container
mod foreign; // what others wrote there
mod access; // key, signatures, tokens
mod check; // what `check --connect` says
mod ownership; // claims, races, ends
mod conflicts; // refused writes of checkpoints
mod outage; // the store is away
mod reload; // a rotated signature
mod keda; // what an autoscaler reads
mod bridge; // the whole program
mod python; // Microsoft's consumer goes on where we stopped, and we where it stopped
