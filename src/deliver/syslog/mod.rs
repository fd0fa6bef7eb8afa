//! Target kind `syslog`: lines of RFC 5424 or RFC 3164, by UDP, TCP or TLS. Its lines also travel by RELP.

pub mod format; // the words of a header
pub mod line_settings;
pub mod line; // a record as a line
