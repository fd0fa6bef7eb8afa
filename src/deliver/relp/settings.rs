//! The options as the target trusts them: address parsed, certificates read.

use std::time::Duration;

use super::config::Relp;
use super::frame::MAX_DATA_BYTES;
use crate::deliver::blocked::TRY_INTERVAL_MIN;
use crate::deliver::stream::address::InvalidAddress;
use crate::deliver::stream::{Address, Tls, tls};
use crate::deliver::syslog::line_settings::{self, LineOptions, LineSettings};

/// Most lines without an answer: they are all held in memory, and sent again after a lost connection.
const MAX_WINDOW_LINES: usize = 4_096;

/// Checked options of one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the receiver listens.
    pub address: Address,
    /// TLS from the first byte; `None` without TLS.
    pub tls: Option<Tls>,
    /// How records become lines.
    pub line: LineSettings,
    /// Most lines without an answer.
    pub window_lines: usize,
    /// How long the receiver may owe an answer.
    pub answer_timeout: Duration,
    /// Time to the first try while the receiver refuses us; no option of the file.
    pub try_interval: Duration,
}

/// An option cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("`address`: {0}")]
    Address(#[from] InvalidAddress),
    /// A number or a size out of its range.
    #[error("`{option}` must be {range}")]
    Range {
        /// The option.
        option: &'static str,
        /// What it must be.
        range: &'static str,
    },
    /// Lines cannot be written like this.
    #[error(transparent)]
    Line(#[from] line_settings::Error),
    /// TLS cannot be spoken like this.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

impl Settings {
    /// Checks the options and reads the certificates.
    pub fn new(options: &Relp) -> Result<Self, Error> {
        let range = |option, range| Error::Range { option, range };
        if options.message_limit.get() > MAX_DATA_BYTES {
            return Err(range(
                "message_limit",
                "at most 128KiB, which is what the library of receivers takes",
            ));
        }
        if options.window.get() > MAX_WINDOW_LINES {
            return Err(range("window", "from 1 to 4096"));
        }
        let answer_timeout = options.answer_timeout.get();
        if answer_timeout.is_zero() {
            return Err(range("answer_timeout", "above 0s"));
        }
        let address: Address = options.address.parse()?;
        let tls = options.tls.as_ref();
        let tls = tls.map(|tls| Tls::new(tls, &address)).transpose()?;
        Ok(Self {
            address,
            tls,
            line: LineSettings::new(LineOptions {
                format: options.format,
                facility: options.facility,
                hostname: &options.hostname,
                app_name: &options.app_name,
                time_zone: options.time_zone.as_deref(),
                message_limit: options.message_limit,
                oversize: options.oversize,
            })?,
            window_lines: options.window.get(),
            answer_timeout,
            try_interval: TRY_INTERVAL_MIN,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(yaml: &str) -> Option<String> {
        let options: Relp = serde_saphyr::from_str(yaml).expect("the options have their form");
        Settings::new(&options).err().map(|error| error.to_string())
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        let cases = [
            ("address: siem:2514", None),
            ("address: siem", Some("`address`: `siem` is no address")),
            (
                "{ address: 'siem:2514', message_limit: 129KiB }",
                Some("`message_limit` must be at most"),
            ),
            ("{ address: 'siem:2514', message_limit: 128KiB }", None),
            (
                "{ address: 'siem:2514', message_limit: 100B }",
                Some("`message_limit`"),
            ),
            ("{ address: 'siem:2514', window: 4097 }", Some("`window` must be")),
            ("{ address: 'siem:2514', window: 1 }", None),
            (
                "{ address: 'siem:2514', answer_timeout: 0s }",
                Some("`answer_timeout` must be"),
            ),
            ("{ address: 'siem:2514', hostname: 'a b' }", Some("`hostname`")),
            (
                "{ address: 'siem:2514', tls: { ca_file: /nonexistent/ca.pem } }",
                Some("failed to read CA file"),
            ),
        ];
        for (yaml, expected) in cases {
            match (problem(yaml), expected) {
                (None, None) => {}
                (Some(problem), Some(expected)) => assert!(problem.contains(expected), "{yaml}: {problem}"),
                (problem, _) => panic!("{yaml}: {problem:?}"),
            }
        }
    }
}
