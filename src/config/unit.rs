//! Durations and sizes as people write them: `300s`, `1MiB`. A bare number is refused, because its unit is a guess.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time, written as a whole number with one of `ms s m h d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub std::time::Duration);

/// A number of bytes, written as a whole number with one of `B KiB MiB GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl Duration {
    /// A duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// The duration as the standard library has it.
    pub fn get(self) -> std::time::Duration {
        self.0
    }

    /// Reads `300s`; `None` without a unit, or with an unknown one.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let millis_per_unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        Some(Self(std::time::Duration::from_millis(
            number.checked_mul(millis_per_unit)?,
        )))
    }
}

impl ByteSize {
    /// A size in mebibytes.
    pub const fn from_mib(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// The number of bytes.
    pub fn get(self) -> usize {
        self.0 as usize
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let shift = match unit {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return None,
        };
        number.checked_mul(1 << shift).map(Self)
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    Some((text[..digits].parse().ok()?, text[digits..].trim_start()))
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (number, unit) = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")]
            .into_iter()
            .find(|(size, _)| millis != 0 && millis.is_multiple_of(*size))
            .map_or((millis, "ms"), |(size, unit)| (millis / size, unit));
        write!(formatter, "{number}{unit}")
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = [(30, "GiB"), (20, "MiB"), (10, "KiB")]
            .into_iter()
            .find(|(shift, _)| self.0 != 0 && self.0.trailing_zeros() >= *shift)
            .map_or((self.0, "B"), |(shift, unit)| (self.0 >> shift, unit));
        write!(formatter, "{number}{unit}")
    }
}

macro_rules! as_text {
    ($name:ident, $schema:literal, $pattern:literal, $expected:literal) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $name::parse(&text).ok_or_else(|| {
                    serde::de::Error::custom(format!(concat!("`{}` is not ", $expected), text))
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $schema.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

as_text!(
    Duration,
    "Duration",
    r"^[0-9]+ ?(ms|s|m|h|d)$",
    "a duration such as `300s`, `5m` or `7d`"
);
as_text!(
    ByteSize,
    "ByteSize",
    r"^[0-9]+ ?(B|KiB|MiB|GiB)$",
    "a size such as `8000B`, `64KiB` or `1MiB`"
);

#[cfg(test)]
mod tests {
    use super::{ByteSize, Duration};

    #[test]
    fn durations_need_a_unit() {
        let cases = [
            ("300s", Some("5m")),
            ("90s", Some("90s")),
            ("5 m", Some("5m")),
            ("250ms", Some("250ms")),
            ("7d", Some("7d")),
            ("0s", Some("0ms")),
            ("300", None),
            ("-1s", None),
            ("1.5s", None),
            ("s", None),
            ("99999999999999999999s", None),
        ];
        for (input, expected) in cases {
            let text = Duration::parse(input).map(|duration| duration.to_string());
            assert_eq!(text.as_deref(), expected, "{input}");
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        let cases = [
            ("1MiB", Some("1MiB")),
            ("8000B", Some("8000B")),
            ("1024KiB", Some("1MiB")),
            ("1MB", None),
            ("1", None),
        ];
        for (input, expected) in cases {
            let text = ByteSize::parse(input).map(|size| size.to_string());
            assert_eq!(text.as_deref(), expected, "{input}");
        }
    }
}
