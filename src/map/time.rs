//! Dates as the exporter writes them, read and written without a calendar library where that is possible.

use crate::event::Timestamp;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// Reads RFC 3339 with 0 to 7 fraction digits; a missing zone means UTC.
pub fn parse(text: &str) -> Option<Timestamp> {
    parse_utc(text.as_bytes()).or_else(|| Timestamp::parse(text))
}

/// Reads `M/d/yyyy h:mm:ss tt` as UTC, the form a few additional data fields carry.
pub fn parse_us(text: &str) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace();
    let mut date = words.next()?.split('/');
    let mut clock = words.next()?.split(':');
    let half = words.next()?;
    if words.next().is_some() {
        return None;
    }
    let [month, day, year] = [
        number(date.next()?)?,
        number(date.next()?)?,
        number(date.next()?)?,
    ];
    let [hour, minute, second] = [
        number(clock.next()?)?,
        number(clock.next()?)?,
        number(clock.next()?)?,
    ];
    if date.next().is_some() || clock.next().is_some() || !(1..=12).contains(&hour) || year < 1000 {
        return None;
    }
    let hour = match half.to_ascii_uppercase().as_str() {
        "AM" => hour % 12,
        "PM" => hour % 12 + 12,
        _ => return None,
    };
    moment([year, month, day, hour, minute, second], 0)
}

/// Appends RFC 3339 with three fraction digits and `Z`.
pub fn write(time: Timestamp, output: &mut Vec<u8>) {
    let millis = time.as_millis();
    let (year, month, day) = civil(millis.div_euclid(MILLIS_PER_DAY));
    if !(0..=9999).contains(&year) {
        // Outside the four digits of RFC 3339; the calendar library decides how to say it.
        output.extend_from_slice(time.to_string().as_bytes());
        return;
    }
    let rest = millis.rem_euclid(MILLIS_PER_DAY);
    two_digits(year / 100, output);
    two_digits(year % 100, output);
    output.push(b'-');
    two_digits(month, output);
    output.push(b'-');
    two_digits(day, output);
    output.push(b'T');
    two_digits(rest / 3_600_000, output);
    output.push(b':');
    two_digits(rest / 60_000 % 60, output);
    output.push(b':');
    two_digits(rest / 1000 % 60, output);
    output.push(b'.');
    output.push(b'0' + (rest % 1000 / 100) as u8);
    two_digits(rest % 100, output);
    output.push(b'Z');
}

/// `YYYY-MM-DDTHH:MM:SS[.fraction][Z]`, nothing else; the other forms are rare enough for the calendar library.
fn parse_utc(text: &[u8]) -> Option<Timestamp> {
    let head = text.get(..19)?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(index, byte)| head[*index] != *byte) {
        return None;
    }
    let part = |from: usize, to: usize| {
        head[from..to].iter().try_fold(0i64, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let parts = [
        part(0, 4)?,
        part(5, 7)?,
        part(8, 10)?,
        part(11, 13)?,
        part(14, 16)?,
        part(17, 19)?,
    ];
    let rest = text[19..].strip_suffix(b"Z").unwrap_or(&text[19..]);
    moment(parts, fraction_millis(rest)?)
}

/// Milliseconds of `.digits`, cut and not rounded; nothing is 0.
fn fraction_millis(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let fraction = text.strip_prefix(b".")?;
    if fraction.is_empty() || fraction.len() > 9 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |index: usize| fraction.get(index).map_or(0, |byte| i64::from(byte - b'0'));
    Some(digit(0) * 100 + digit(1) * 10 + digit(2))
}

fn moment([year, month, day, hour, minute, second]: [i64; 6], millis: i64) -> Option<Timestamp> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(Timestamp::from_millis(
        days(year, month, day) * MILLIS_PER_DAY + seconds * 1000 + millis,
    ))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar; years are counted from March so that a leap day ends one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a day number; the reverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Two digits; `value` is below 100. Constant divisors: a division by a variable costs more than all the rest.
fn two_digits(value: i64, output: &mut Vec<u8>) {
    let value = value as u32;
    output.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}

fn number(text: &str) -> Option<i64> {
    (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(time: Timestamp) -> String {
        let mut output = Vec::new();
        write(time, &mut output);
        String::from_utf8(output).expect("dates are ASCII")
    }

    /// Scenario: every fourth day or so from year 1 to 4000, and moments within days. Guarantees: same text and same
    /// number as the calendar library.
    #[test]
    fn agrees_with_the_calendar_library() {
        for step in -180_000i64..185_000 {
            let time = Timestamp::from_millis(step * 347_155_123);
            assert_eq!(written(time), time.to_string());
            assert_eq!(parse(&written(time)), Some(time));
        }
    }

    #[test]
    fn reads_what_the_exporter_writes() {
        let cases = [
            ("2024-11-08T07:01:02Z", Some("2024-11-08T07:01:02.000Z")),
            ("2024-11-08T07:01:02.1239999Z", Some("2024-11-08T07:01:02.123Z")),
            ("2024-11-08T09:01:02+02:00", Some("2024-11-08T07:01:02.000Z")),
            ("2025-08-21T00:00:00", Some("2025-08-21T00:00:00.000Z")),
            ("2025-02-29T00:00:00Z", None),
            ("2025-13-01T00:00:00Z", None),
            ("2025-01-01", None),
            ("N/A", None),
        ];
        for (input, expected) in cases {
            assert_eq!(parse(input).map(written).as_deref(), expected, "{input}");
        }
    }

    #[test]
    fn reads_american_dates() {
        let cases = [
            ("11/13/2024 11:40:48 PM", Some("2024-11-13T23:40:48.000Z")),
            ("1/2/2024 12:00:00 AM", Some("2024-01-02T00:00:00.000Z")),
            ("1/2/2024 12:30:00 pm", Some("2024-01-02T12:30:00.000Z")),
            ("13/1/2024 1:00:00 AM", None),
            ("1/2/2024 13:00:00 PM", None),
            ("1/2/24 1:00:00 PM", None),
            ("2024-01-02T00:00:00Z", None),
        ];
        for (input, expected) in cases {
            assert_eq!(parse_us(input).map(written).as_deref(), expected, "{input}");
        }
    }
}
