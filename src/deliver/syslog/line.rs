//! One record as one line of syslog, without what separates lines on the way.
//!
//! There is no byte order mark before the text, against the wish of RFC 5424: rsyslog leaves it in the text, where readers
//! then miss `CEF:`. There is no structured data.

use jiff::Timestamp;

use super::format::{Format, Oversize, severity};
use super::line_settings::LineSettings;
use crate::event::rendered::About;
use crate::event::{RejectReason, Rejection};
use crate::map::encode::shorten;
use crate::map::time;

/// The moments that RFC 3339 can write: the years 0000 to 9999.
const RFC_3339_MILLIS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// How a record fitted its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It is there as its map wrote it.
    Whole,
    /// Fields were left out or cut.
    Shortened,
}

/// A record whose line is longer than allowed; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the line would have {length} bytes; `message_limit` is {limit}")]
pub struct TooLong {
    /// Bytes of the line.
    pub length: usize,
    /// Most bytes of a line.
    pub limit: usize,
}

impl From<TooLong> for Rejection {
    fn from(error: TooLong) -> Self {
        Self {
            reason: RejectReason::TooLarge,
            detail: error.to_string(),
        }
    }
}

impl LineSettings {
    /// Appends the line of a record to `output`; `text` is its rendered form. The length counts bytes of UTF-8.
    ///
    /// Control characters become spaces. A JSON record that keeps the bytes it came with may be spread over lines; outside
    /// its strings that means nothing, and inside them they cannot stand. CEF and LEEF have none. Left as they are, they
    /// would end the line, or become `#011` at rsyslog.
    pub fn encode(&self, text: &[u8], about: &About, output: &mut Vec<u8>) -> Result<Fit, TooLong> {
        let start = output.len();
        self.header(about, output);
        let text_start = output.len();
        output.extend_from_slice(text);
        for byte in &mut output[text_start..] {
            // Without a branch: many bytes at a time.
            *byte = (*byte).max(b' ');
        }
        let length = output.len() - start;
        if length <= self.limit_bytes {
            return Ok(Fit::Whole);
        }
        if self.may_shorten(text) {
            let mut text = output.split_off(text_start);
            shorten(&mut text, self.limit_bytes.saturating_sub(text_start - start));
            output.append(&mut text);
        }
        if output.len() - start <= self.limit_bytes {
            return Ok(Fit::Shortened);
        }
        output.truncate(start);
        Err(TooLong {
            length,
            limit: self.limit_bytes,
        })
    }

    fn header(&self, about: &About, output: &mut Vec<u8>) {
        let priority = self.facility.priority(severity(about.details.as_deref()));
        output.push(b'<');
        output.extend_from_slice(itoa::Buffer::new().format(priority).as_bytes());
        output.push(b'>');
        match self.format {
            Format::Rfc5424 => {
                output.extend_from_slice(b"1 ");
                match RFC_3339_MILLIS.contains(&about.time.as_millis()) {
                    true => time::write(about.time, output),
                    false => output.push(b'-'),
                }
                output.extend_from_slice(self.origin.as_bytes());
                output.extend_from_slice(about.kind.as_str().as_bytes());
                output.extend_from_slice(b" - ");
            }
            Format::Rfc3164 => {
                self.rfc3164_time(about.time.as_millis(), output);
                output.extend_from_slice(self.origin.as_bytes());
            }
        }
    }

    /// `Aug  6 11:33:45`.
    fn rfc3164_time(&self, millis: i64, output: &mut Vec<u8>) {
        // The year is not written, so a moment beyond every calendar may be any other.
        let moment = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
        let civil = self.time_zone.to_datetime(moment);
        let month = 3 * (civil.month() as usize - 1);
        output.extend_from_slice(&b"JanFebMarAprMayJunJulAugSepOctNovDec"[month..month + 3]);
        let day = civil.day() as u8;
        output.extend_from_slice(&[
            b' ',
            if day < 10 { b' ' } else { b'0' + day / 10 },
            b'0' + day % 10,
        ]);
        for (before, number) in [
            (b' ', civil.hour()),
            (b':', civil.minute()),
            (b':', civil.second()),
        ] {
            let number = number as u8;
            output.extend_from_slice(&[before, b'0' + number / 10, b'0' + number % 10]);
        }
    }

    /// Whether a text that is too long may lose fields. One of JSON would no longer be readable.
    fn may_shorten(&self, text: &[u8]) -> bool {
        self.oversize != Some(Oversize::DeadLetter)
            && (text.starts_with(b"CEF:") || text.starts_with(b"LEEF:"))
    }
}

#[cfg(test)]
mod tests;
