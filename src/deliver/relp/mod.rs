//! Target kind `relp`: syslog lines in frames that the receiver answers one by one.

pub mod frame;
pub mod answer;
pub mod session;
pub mod link;
