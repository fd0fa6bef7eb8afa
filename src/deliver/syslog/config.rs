//! The options of a `syslog` target, as the file has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::{Facility, Format, Oversize};
use super::framing::Framing;
use crate::config::{ByteSize, Duration};
use crate::deliver::stream::StreamTls;

/// Sends records as lines of syslog.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// Where the receiver listens: `host:port`, or `[address]:port` for IPv6.
    pub address: String,
    /// How lines travel.
    #[serde(default)]
    pub transport: Transport,
    /// The form of a line.
    #[serde(default)]
    pub format: Format,
    /// How lines are told apart by TCP and TLS. Without it `octet_counting` for `rfc5424` and `line_feed` for `rfc3164`.
    #[serde(default)]
    pub framing: Option<Framing>,
    /// What kind of program the lines come from; receivers sort and filter by it.
    #[serde(default)]
    pub facility: Facility,
    /// The host that lines say they come from. Receivers tell sources apart by it, so it is the same after a move.
    #[serde(default = "hostname")]
    pub hostname: String,
    /// The program that lines say they come from. Empty: none; with `rfc3164` the text then follows the host at once, as
    /// some readers of CEF want it.
    #[serde(default = "app_name")]
    pub app_name: String,
    /// Zone of the time of `rfc3164`, which does not say it: `UTC`, an offset such as `+02:00`, or a name such as
    /// `Europe/Berlin`. Without it UTC.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Most bytes of a line, with its header. No more than the receiver takes: it would cut or refuse what is longer.
    #[serde(default = "message_limit")]
    pub message_limit: ByteSize,
    /// What becomes of a record whose line is longer. Without it `truncate` for CEF and LEEF and `dead_letter` for JSON,
    /// which nothing can be cut from.
    #[serde(default)]
    pub oversize: Option<Oversize>,
    /// How long a line written by TCP or TLS stays unconfirmed, `1s` if nothing is said. If the connection ends before, it is
    /// sent again; if not, it counts as delivered. `0s` needs `allow_loss: true`.
    #[serde(default)]
    pub settle_window: Option<Duration>,
    /// Accepts that records are lost without a trace: for UDP, and for `settle_window: 0s`.
    #[serde(default)]
    pub allow_loss: bool,
    /// How the receiver's certificate is checked; only for `transport: tls`.
    #[serde(default)]
    pub tls: Option<StreamTls>,
}

/// How lines travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// One line a datagram. Nobody notices what is lost.
    Udp,
    /// A connection that anybody on the way can read and change.
    Tcp,
    /// An encrypted connection.
    #[default]
    Tls,
}

/// The same wherever the container runs.
pub(in crate::deliver) fn hostname() -> String {
    "hub2siem".to_owned()
}

/// The name of the product.
pub(in crate::deliver) fn app_name() -> String {
    "hub2siem".to_owned()
}

/// A little below what rsyslog takes if nothing is configured there.
pub(in crate::deliver) fn message_limit() -> ByteSize {
    ByteSize(8_000)
}
