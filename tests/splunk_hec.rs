//! The Splunk HEC target against the receiver of this crate: every case a collector, or what stands before it, can play.

#[path = "contract/stage.rs"]
mod stage;
#[path = "splunk_hec/bench.rs"]
mod bench;
#[path = "splunk_hec/accepted.rs"]
mod accepted;
#[path = "splunk_hec/refused.rs"]
mod refused;
#[path = "splunk_hec/unanswered.rs"]
mod unanswered;
#[path = "splunk_hec/blocked.rs"]
mod blocked;
#[path = "splunk_hec/tls.rs"]
mod tls;
#[path = "splunk_hec/chaos.rs"]
mod chaos;
