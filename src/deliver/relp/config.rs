//! The options of a `relp` target, as the file has them.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{ByteSize, Duration};
use crate::deliver::stream::StreamTls;
use crate::deliver::syslog::config::{app_name, hostname, message_limit};
use crate::deliver::syslog::format::{Facility, Format, Oversize};

/// Sends each record as a line of syslog over RELP, where the receiver answers every line.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relp {
    /// Where the receiver listens, as `host:port` or `[address]:port`. There is no default port; 2514 is common.
    pub address: String,
    /// Form of the line. With `rfc3164` the line has neither year nor time zone.
    #[serde(default)]
    pub format: Format,
    /// What kind of program the lines come from; receivers sort and filter by it.
    #[serde(default)]
    pub facility: Facility,
    /// Name of the machine in every line. Many receivers tell sources apart by it, so it stays the same wherever the bridge
    /// runs.
    #[serde(default = "hostname")]
    pub hostname: String,
    /// Name of the program in every line; with `rfc3164` the tag. Empty: none.
    #[serde(default = "app_name")]
    pub app_name: String,
    /// Zone of the time in the line, with `format: rfc3164` only: `UTC`, an offset such as `+02:00`, or a name such as
    /// `Europe/Berlin`. Without it: UTC.
    pub time_zone: Option<String>,
    /// Most bytes of a line. The receiver's own limit must not be below it: rsyslog cuts what is longer than its
    /// `maxMessageSize` (8 KiB unless it is set), and says that it took it.
    #[serde(default = "message_limit")]
    pub message_limit: ByteSize,
    /// What becomes of a record whose line is longer. Without it: CEF and LEEF are shortened, JSON goes to the dead letters.
    pub oversize: Option<Oversize>,
    /// Lines that are on their way without an answer. More hide a longer way to the receiver, and are sent again after a lost
    /// connection.
    #[serde(default = "window")]
    #[schemars(range(min = 1, max = 4096))]
    pub window: NonZeroUsize,
    /// How long the receiver may owe an answer before the connection is given up, and what was not answered is sent again on
    /// the next one.
    #[serde(default = "answer_timeout")]
    pub answer_timeout: Duration,
    /// TLS from the first byte of the connection. Without it everything is readable on the way.
    pub tls: Option<StreamTls>,
}

fn window() -> NonZeroUsize {
    NonZeroUsize::new(128).expect("128 is not 0")
}

fn answer_timeout() -> Duration {
    Duration::from_secs(30)
}
