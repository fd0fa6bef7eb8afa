//! Score percentages as whole ten-thousandths: as binary fractions, 0.06 minus 0.05 would be less than 0.01.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// Most digits before the decimal point that are read; a ratio has one.
const MAX_WHOLE_DIGITS: i64 = 5;

/// A share of one, or a distance between two: 10,000 is 1.
///
/// Order:  that of the numbers. What stands behind the fourth decimal is cut off, so of two numbers whose distance is at
///         least some whole ten-thousandths, the cut ones are at least as far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenThousandths(u32);

impl TenThousandths {
    /// From a whole number of them.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// How many.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number in JSON's grammar, cut behind the fourth decimal; `None` for a negative one, for 100,000 and more, and
    /// for what is no number.
    pub fn parse(text: &str) -> Option<Self> {
        read(text).map(|(number, _)| number)
    }

    /// How far apart two of them are.
    pub fn distance(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }
}

/// The number, and whether nothing was cut off.
fn read(text: &str) -> Option<(TenThousandths, bool)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let mut digits = whole.bytes().chain(fraction.bytes());
    // How many of the digits stand before the point once it is moved by the exponent and by four places.
    let mut kept = whole.len() as i64 + i64::from(exponent) + 4;
    let mut number = 0_u32;
    let mut is_exact = true;
    for digit in digits.by_ref() {
        if kept > 0 {
            if number > 0 && kept > MAX_WHOLE_DIGITS + 4 {
                return None;
            }
            number = number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
        } else {
            is_exact &= digit == b'0';
        }
        kept -= 1;
    }
    if number > 0 {
        for _ in 0..kept {
            number = number.checked_mul(10)?;
        }
    }
    (number < 10_u32.pow(MAX_WHOLE_DIGITS as u32 + 4)).then_some((TenThousandths(number), is_exact))
}

/// The least change of a score that counts, as it is configured: above 0, at most 1, at most four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScoreChange(pub TenThousandths);

impl<'de> Deserialize<'de> for ScoreChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match read(&text) {
            Some((number, true)) if (1..=10_000).contains(&number.get()) => Ok(Self(number)),
            _ => Err(serde::de::Error::custom(format!(
                "`{text}` is no change of a score: write a number above 0 and at most 1 with at most four decimals, such \
                 as `0.01` for one percent"
            ))),
        }
    }
}

impl JsonSchema for ScoreChange {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ScoreChange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1, "multipleOf": 0.0001 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_json_writes_and_cuts_the_rest() {
        let cases = [
            ("0.5", Some(5000)),
            ("0.05", Some(500)),
            ("0.06", Some(600)),
            ("0", Some(0)),
            ("0.0", Some(0)),
            ("1", Some(10_000)),
            ("0.4783", Some(4783)),
            ("0.47839999999999999", Some(4783)),
            ("0.00009", Some(0)),
            ("5e-1", Some(5000)),
            ("5E-01", Some(5000)),
            ("1.5e+1", Some(150_000)),
            ("0.000125e3", Some(1250)),
            ("1e-999", Some(0)),
            ("0e999", Some(0)),
            ("99999.9999", Some(999_999_999)),
            ("100000", None),
            ("1e300", None),
            ("1e99999999999", None),
            ("-0.5", None),
            ("", None),
            (".5", None),
            ("NaN", None),
            ("0,5", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                TenThousandths::parse(text).map(TenThousandths::get),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_distance_is_exact_where_binary_fractions_are_not() {
        let as_float = |text: &str| text.parse::<f64>().expect("a number");
        let distance = as_float("0.06") - as_float("0.05");
        assert!(
            distance < as_float("0.01"),
            "this is why numbers are not read as floats"
        );
        let parse = |text| TenThousandths::parse(text).expect("a number");
        assert_eq!(parse("0.06").distance(parse("0.05")), parse("0.01"));
        assert_eq!(parse("0.05").distance(parse("0.06")), parse("0.01"));
    }

    /// Guarantees: cutting never makes a distance that counts into one that does not.
    #[test]
    fn cutting_never_shortens_a_distance_below_the_limit() {
        for (one, other) in [
            ("0.06", "0.04999"),
            ("0.069999", "0.059999"),
            ("0.0501", "0.04009999"),
        ] {
            let parse = |text| TenThousandths::parse(text).expect("a number");
            assert!(
                parse(one).distance(parse(other)).get() >= 100,
                "{one} and {other} are 0.01 apart"
            );
        }
    }
}
