//! The bridge as operators run it: hub, bridge and receiver are processes of their own, the bridge is killed, stopped,
//! starved and fed with poison, and what must hold is read from the outside: files, exit codes, `/readyz`, `/metrics`.
//!
//! Not proven here: anything about Azure or Splunk themselves; both peers are the emulators of this crate.

mod harness; // processes, waiting, HTTP
mod ledger; // what arrived, item by item
mod kill; // SIGKILL under load
mod stop; // clean ends, and who may start
mod standstill; // a peer that says nothing, and nobody who reads the log
mod outage; // the receiver is away or refuses
mod audited; // what the verb `audit` says
mod audit; // what is recorded, against what arrived
mod progress; // targets that share a consumer group
mod poison; // bodies that hurt
mod reload; // files change under a running bridge
mod preview; // a look beside a running bridge
mod replay; // a range once more beside a running bridge
