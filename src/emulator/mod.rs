//! What the bridge can be run against: peers that speak the real protocols, in this program.

pub mod splunk_hec;
