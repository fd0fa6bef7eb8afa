//! Target kind `syslog`: lines of RFC 5424 or RFC 3164, by UDP, TCP or TLS. Its lines also travel by RELP.

pub mod format; // the words of a header
pub mod line_settings;
pub mod line; // a record as a line
pub mod framing;
pub mod config;
pub mod settings;
pub mod writer; // records as the bytes of a write
pub mod unconfirmed; // what was written and may still be lost
pub mod connection;
pub mod trouble; // why there is none
pub mod target;
pub mod datagrams;
pub mod check;

pub use check::check;
pub use config::Syslog;
pub use settings::Settings;
pub use target::run;
