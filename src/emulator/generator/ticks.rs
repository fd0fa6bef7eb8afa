//! Moments in the resolution of the export: 100 ns, written with up to seven fraction digits.

use crate::event::Timestamp;

/// 100 ns steps between 0001-01-01 and 1970-01-01, both at midnight UTC.
const UNIX_EPOCH: i64 = 621_355_968_000_000_000;
/// A `SystemAlertId` begins with this less the start time, so that newer alerts sort first.
const LAST: i64 = 3_155_378_975_999_999_999;

/// A moment, in 100 ns steps since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(i64);

impl Ticks {
    pub const SECOND: i64 = 10_000_000;
    pub const DAY: i64 = 86_400 * Self::SECOND;

    pub fn from_timestamp(moment: Timestamp) -> Self {
        Self(moment.as_millis() * 10_000)
    }

    /// The moment `distance` before this one.
    pub fn before(self, distance: i64) -> Self {
        Self(self.0 - distance)
    }

    /// The moment `distance` after this one.
    pub fn after(self, distance: i64) -> Self {
        Self(self.0 + distance)
    }

    /// The 19 digits in front of the GUID of a `SystemAlertId`.
    pub fn descending(self) -> i64 {
        LAST - (self.0 + UNIX_EPOCH)
    }

    /// Appends `2024-11-08T07:01:02.1234567Z` with `digits` (1 to 7) after the point.
    pub fn write(self, digits: usize, output: &mut Vec<u8>) {
        let (day, of_day) = (self.0.div_euclid(Self::DAY), self.0.rem_euclid(Self::DAY));
        let (year, month, of_month) = civil(day);
        let seconds = of_day / Self::SECOND;
        write_digits(year, 4, output);
        output.push(b'-');
        write_digits(month, 2, output);
        output.push(b'-');
        write_digits(of_month, 2, output);
        output.push(b'T');
        write_digits(seconds / 3600, 2, output);
        output.push(b':');
        write_digits(seconds / 60 % 60, 2, output);
        output.push(b':');
        write_digits(seconds % 60, 2, output);
        output.push(b'.');
        let point = output.len();
        write_digits(of_day % Self::SECOND, 7, output);
        output.truncate(point + digits);
        output.push(b'Z');
    }
}

/// Appends `number` (not negative) in exactly `width` (at most 20) decimal digits.
pub fn write_digits(number: i64, width: usize, output: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    output.extend_from_slice(&digits[..width]);
}

/// Year, month and day of a day number since 1970-01-01, in the Gregorian calendar. The year is counted from March, so
/// that the leap day is its last.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_the_calendar_says() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2024-02-29T23:59:59.999Z",
            "2024-03-01T00:00:00.000Z",
            "2100-02-28T12:30:45.678Z",
            "2000-12-31T01:02:03.004Z",
        ] {
            let moment = Timestamp::parse(text).expect("a time");
            let mut output = Vec::new();
            Ticks::from_timestamp(moment).write(3, &mut output);
            assert_eq!(String::from_utf8(output).unwrap(), text);
        }
    }

    /// The pair is one of the documentation's samples: digits of an id and the start time they stand for.
    #[test]
    fn counts_down_from_the_last_moment() {
        let start = Timestamp::parse("2023-05-11T13:15:45.017Z").unwrap();
        assert_eq!(
            Ticks::from_timestamp(start).after(422).descending(),
            2_517_184_898_549_829_577
        );
    }
}
