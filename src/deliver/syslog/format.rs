//! The closed sets of words in a syslog header: its form, its facility, its severity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Details;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `<134>1 2024-08-06T11:33:45.678Z hub2siem hub2siem - alert - TEXT`.
    #[default]
    Rfc5424,
    /// `<134>Aug  6 11:33:45 hub2siem hub2siem: TEXT`, the older form without a year.
    Rfc3164,
}

/// What becomes of a record whose line is longer than `message_limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Oversize {
    /// Fields are left out and then cut until it fits. Only for CEF and LEEF.
    Truncate,
    /// It goes to the dead letters.
    DeadLetter,
}

/// What kind of program a message comes from; receivers sort and filter by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facility {
    /// 0.
    Kern,
    /// 1.
    User,
    /// 2.
    Mail,
    /// 3.
    Daemon,
    /// 4.
    Auth,
    /// 5.
    Syslog,
    /// 6.
    Lpr,
    /// 7.
    News,
    /// 8.
    Uucp,
    /// 9.
    Cron,
    /// 10.
    Authpriv,
    /// 11.
    Ftp,
    /// 12.
    Ntp,
    /// 13.
    Audit,
    /// 14.
    Alert,
    /// 15.
    Clock,
    /// 16.
    #[default]
    Local0,
    /// 17.
    Local1,
    /// 18.
    Local2,
    /// 19.
    Local3,
    /// 20.
    Local4,
    /// 21.
    Local5,
    /// 22.
    Local6,
    /// 23.
    Local7,
}

/// Severity of a record that has none, or one that is not known: `notice`, which is what RFC 3164 gives to a message of
/// which nothing is known. A filter that takes warnings only is then a choice of the receiver.
const SEVERITY_OTHERWISE: u8 = 5;

impl Facility {
    /// The number that stands in front of a line for a message of `severity`: 0 to 191.
    pub fn priority(self, severity: u8) -> u8 {
        self as u8 * 8 + severity
    }
}

/// Severity of a record by its own: 2 (critical) for `Critical` to 6 (informational) for `Informational`.
pub fn severity(details: Option<&Details>) -> u8 {
    let word = details.and_then(|details| details.severity.as_deref());
    let known = [
        ("critical", 2),
        ("high", 3),
        ("medium", 4),
        ("low", 5),
        ("informational", 6),
    ];
    let found = word.and_then(|word| known.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)));
    found.map_or(SEVERITY_OTHERWISE, |(_, severity)| *severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_and_priorities() {
        let cases = [
            (Some("Critical"), 2),
            (Some("High"), 3),
            (Some("medium"), 4),
            (Some("Low"), 5),
            (Some("Informational"), 6),
            (Some("Dreadful"), 5),
            (None, 5),
        ];
        for (word, expected) in cases {
            let details = Details {
                severity: word.map(Box::from),
                ..Details::default()
            };
            assert_eq!(severity(Some(&details)), expected, "{word:?}");
        }
        assert_eq!(severity(None), 5);
        assert_eq!(Facility::Kern.priority(0), 0);
        assert_eq!(Facility::default().priority(3), 131);
        assert_eq!(Facility::Local7.priority(7), 191);
    }
}
