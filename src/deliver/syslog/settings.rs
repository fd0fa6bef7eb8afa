//! The options as the target trusts them.

use std::time::Duration;

use super::config::{Syslog, Transport};
use super::framing::Framing;
use super::line_settings::{self, LineOptions, LineSettings};
use crate::deliver::blocked::TRY_INTERVAL_MIN;
use crate::deliver::stream::address::InvalidAddress;
use crate::deliver::stream::{Address, Tls, tls};

/// How long a written line stays unconfirmed if the file does not say.
const SETTLE_WINDOW: Duration = Duration::from_secs(1);

/// What a datagram by IPv4 can carry.
const MAX_DATAGRAM_BYTES: usize = 65_507;

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the receiver listens.
    pub address: Address,
    /// How lines get there.
    pub way: Way,
    /// How a line is written.
    pub line: LineSettings,
    /// How long a written line stays unconfirmed; not for datagrams.
    pub settle_window: Duration,
    /// Time to the first try after the receiver's certificate or ours was refused; no option of the file.
    pub try_interval: Duration,
}

/// How lines get to the receiver.
#[derive(Debug, Clone)]
pub enum Way {
    /// Each in a datagram.
    Datagrams,
    /// One after the other in a stream.
    Stream {
        /// How they are told apart.
        framing: Framing,
        /// Whom the connection trusts; `None`: it is not encrypted.
        tls: Option<Tls>,
    },
}

/// An option cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be read.
    #[error("`address`: {0}")]
    Address(InvalidAddress),
    /// A line cannot be written so.
    #[error(transparent)]
    Line(#[from] line_settings::Error),
    /// Certificates, names or fingerprints cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// Options that do not go together.
    #[error("{0}")]
    Combination(&'static str),
}

impl Settings {
    /// Checks the options and reads the certificates.
    pub fn new(options: &Syslog) -> Result<Self, Error> {
        let line = LineSettings::new(LineOptions {
            format: options.format,
            facility: options.facility,
            hostname: &options.hostname,
            app_name: &options.app_name,
            time_zone: options.time_zone.as_deref(),
            message_limit: options.message_limit,
            oversize: options.oversize,
        })?;
        combination(options)?;
        let address: Address = options.address.parse().map_err(Error::Address)?;
        let framing = options.framing.unwrap_or(Framing::usual(options.format));
        let way = match options.transport {
            Transport::Udp => Way::Datagrams,
            Transport::Tcp => Way::Stream { framing, tls: None },
            Transport::Tls => Way::Stream {
                framing,
                tls: Some(Tls::new(&options.tls.clone().unwrap_or_default(), &address)?),
            },
        };
        Ok(Self {
            address,
            way,
            line,
            settle_window: options.settle_window.map_or(SETTLE_WINDOW, |window| window.get()),
            try_interval: TRY_INTERVAL_MIN,
        })
    }
}

/// Refuses what weakens a promise without saying so, and what would do nothing.
fn combination(options: &Syslog) -> Result<(), Error> {
    let is_udp = options.transport == Transport::Udp;
    let problems = [
        (
            is_udp && !options.allow_loss,
            "UDP loses records without a trace; accept that with `allow_loss: true`, or use `tcp` or `tls`",
        ),
        (
            options.settle_window.is_some_and(|window| window.get().is_zero()) && !options.allow_loss,
            "with `settle_window: 0s` every restart of the receiver loses records; accept that with `allow_loss: true`, or give it a second",
        ),
        (
            is_udp && options.framing.is_some(),
            "`framing` is for `tcp` and `tls`; a datagram is one line",
        ),
        (
            is_udp && options.settle_window.is_some(),
            "`settle_window` is for `tcp` and `tls`; a datagram is settled as soon as it is sent",
        ),
        (
            is_udp && options.message_limit.get() > MAX_DATAGRAM_BYTES,
            "`message_limit` must be at most 65507B for UDP, which is what a datagram can carry",
        ),
        (
            options.transport != Transport::Tls && options.tls.is_some(),
            "`tls` is for `transport: tls`; without that the connection is not encrypted",
        ),
    ];
    match problems.into_iter().find(|(is_one, _)| *is_one) {
        Some((_, problem)) => Err(Error::Combination(problem)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: options that lose records, or that mean nothing with the others.
    /// Guarantees: loss is accepted in so many words or not at all; what would do nothing is refused; framing follows the
    /// format.
    #[test]
    fn options_go_together() {
        let cases = [
            ("transport: tcp", Some(Framing::OctetCounting)),
            ("{ transport: tcp, format: rfc3164 }", Some(Framing::LineFeed)),
            ("{ transport: tcp, framing: line_feed }", Some(Framing::LineFeed)),
            (
                "{ transport: tls, tls: { verify: false } }",
                Some(Framing::OctetCounting),
            ),
            ("{ transport: tcp, tls: {} }", None),
            (
                "{ transport: tls, tls: { verify: false, fingerprints: ab } }",
                None,
            ),
            ("{ transport: tcp, settle_window: 0s }", None),
            (
                "{ transport: tcp, settle_window: 0s, allow_loss: true }",
                Some(Framing::OctetCounting),
            ),
            ("transport: udp", None),
            ("{ transport: udp, allow_loss: true, framing: line_feed }", None),
            ("{ transport: udp, allow_loss: true, settle_window: 1s }", None),
            ("{ transport: udp, allow_loss: true, message_limit: 64KiB }", None),
            ("{ transport: tcp, address: siem }", None),
            ("{ transport: tcp, message_limit: 479B }", None),
        ];
        for (text, expected) in cases {
            let mut value: serde_json::Value = serde_saphyr::from_str(text).expect(text);
            let options = value.as_object_mut().expect("it is a map");
            options.entry("address").or_insert_with(|| "siem:6514".into());
            let options = serde_json::from_value(value).expect(text);
            let framing = Settings::new(&options).ok().map(|settings| match settings.way {
                Way::Stream { framing, .. } => framing,
                Way::Datagrams => panic!("no case has them"),
            });
            assert_eq!(framing, expected, "{text}");
        }
        let options = serde_saphyr::from_str("{ address: 'siem:514', transport: udp, allow_loss: true }");
        let settings = Settings::new(&options.expect("it is valid")).expect("loss is accepted");
        assert!(matches!(settings.way, Way::Datagrams));
    }
}
