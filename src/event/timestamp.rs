//! A moment, in the resolution every stage uses: milliseconds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z; may be negative. Written as RFC 3339 with three fraction digits and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Stands for a moment that nobody told.
    pub const UNKNOWN: Self = Self(0);

    /// A moment from epoch milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The present moment of the machine's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// Epoch milliseconds.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339 with any number of fraction digits; a missing zone means UTC. Digits beyond milliseconds
    /// are cut, not rounded. `None` for anything else, also for a date without a time.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Some(Self(moment.as_nanosecond().div_euclid(1_000_000) as i64));
        }
        if text.len() < "2000-01-01T00:00".len() {
            return None;
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(
            zoned.timestamp().as_nanosecond().div_euclid(1_000_000) as i64
        ))
    }

    /// Whole milliseconds from `earlier` to this moment; negative if `earlier` is later.
    pub fn millis_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(formatter, "{moment:.3}"),
            // Outside the years a calendar date can express; the number is still the truth.
            Err(_) => write!(formatter, "{}", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no RFC 3339 time")))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn reads_every_form_the_export_writes() {
        let cases = [
            ("2024-11-08T07:01:02Z", Some("2024-11-08T07:01:02.000Z")),
            ("2024-11-08T07:01:02.123Z", Some("2024-11-08T07:01:02.123Z")),
            ("2024-11-08T07:01:02.123456Z", Some("2024-11-08T07:01:02.123Z")),
            ("2024-11-08T07:01:02.1239999Z", Some("2024-11-08T07:01:02.123Z")),
            ("2024-11-08T09:01:02+02:00", Some("2024-11-08T07:01:02.000Z")),
            ("2025-08-21T00:00:00", Some("2025-08-21T00:00:00.000Z")),
            ("1969-12-31T23:59:59.9999999Z", Some("1969-12-31T23:59:59.999Z")),
            ("2024-11-08", None),
            ("11/13/2024 11:40:48 PM", None),
            ("", None),
        ];
        for (input, expected) in cases {
            let parsed = Timestamp::parse(input).map(|moment| moment.to_string());
            assert_eq!(parsed.as_deref(), expected, "{input}");
        }
    }
}
