//! Target kind `relp`: syslog lines in frames that the receiver answers one by one.
//!
//! `frame` and `answer` are the words of the protocol, `session` is its rules without input or output, `link` its bytes.
//! `worker` keeps a session going, `conversation` is what it says there. Deliberately absent: what a line looks like, which
//! `syslog` knows.

pub mod config;
pub mod settings;
pub mod frame;
pub mod answer;
pub mod session;
pub mod link;
pub mod message;
pub mod end;
mod worker;
mod conversation;
pub mod check;

pub use check::check;
pub use config::Relp;
pub use settings::Settings;
pub use worker::run;
