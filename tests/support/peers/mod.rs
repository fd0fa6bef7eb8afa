//! Real programs on the other side, started by a test without root and without being installed.

mod certificates;
pub mod packages;
pub mod process;
mod record;
pub mod rsyslog;
pub mod syslog_ng;
pub mod tinyproxy;

pub use certificates::Certificates;
pub use packages::{Packages, packages};
pub use record::Record;
pub use rsyslog::Rsyslog;
pub use syslog_ng::SyslogNg;

/// How a receiver takes messages in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One message a datagram.
    Udp,
    /// Frames by the means of the receiver: rsyslog and `syslog()` count octets, rsyslog and `network()` read lines.
    Tcp,
    /// The same over TLS.
    Tls,
    /// RELP; rsyslog only.
    Relp,
    /// RELP over TLS; rsyslog only.
    RelpTls,
}

impl Transport {
    /// Whether it needs certificates.
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::RelpTls)
    }
}
