//! An entry of a file of lines: `<length> <checksum> <json>`, one line each, so that people can still read it.
//!
//! `length` counts the bytes of the JSON in decimal digits, `checksum` is their CRC-32 (the one of zip and gzip) as
//! eight lower-case hexadecimal digits. JSON on one line holds no line end, so whatever is damaged ends at the next one.

use std::io::Write;

/// Digits of a checksum.
const CHECKSUM_DIGITS: usize = 8;

/// An entry that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'b> {
    /// What was written.
    pub json: &'b [u8],
    /// Its checksum.
    pub crc32: u32,
    /// Bytes from the begin of the entry to the end of the JSON; the line end is not counted.
    pub length: usize,
}

/// Why bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// No length and checksum stand at the begin of the line.
    #[error("it does not begin with a length and a checksum")]
    Header,
    /// The line is shorter than its length says.
    #[error("it is shorter than its length of {expected} bytes")]
    Short {
        /// The length written.
        expected: usize,
    },
    /// The bytes are not those that were written.
    #[error("its checksum is {found:08x} and not {expected:08x}")]
    Checksum {
        /// The checksum written.
        expected: u32,
        /// The one of what is there.
        found: u32,
    },
}

/// Adds an entry with its line end. `json` holds no line end.
pub fn append(json: &[u8], lines: &mut Vec<u8>) {
    debug_assert!(!json.contains(&b'\n'), "an entry is one line");
    write!(lines, "{} {:08x} ", json.len(), checksum(json)).expect("writing to memory cannot fail");
    lines.extend_from_slice(json);
    lines.push(b'\n');
}

/// The entry at the begin of `bytes`; what follows it is not looked at.
pub fn parse(bytes: &[u8]) -> Result<Frame<'_>, Damage> {
    let (expected_length, rest) = number(bytes).ok_or(Damage::Header)?;
    let (expected, rest) = digits(rest).ok_or(Damage::Header)?;
    let json = rest.get(..expected_length).ok_or(Damage::Short {
        expected: expected_length,
    })?;
    let found = checksum(json);
    if found != expected {
        return Err(Damage::Checksum { expected, found });
    }
    Ok(Frame {
        json,
        crc32: found,
        length: bytes.len() - rest.len() + json.len(),
    })
}

/// CRC-32 of `bytes`.
pub fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A number without leading zeros and the blank after it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = memchr::memchr(b' ', &bytes[..bytes.len().min(20)])?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let value = text.parse().ok().filter(|_| is_plain)?;
    Some((value, &bytes[end + 1..]))
}

/// A checksum and the blank after it.
fn digits(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (text, rest) = bytes.split_at_checked(CHECKSUM_DIGITS)?;
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.as_bytes().iter().all(is_digit))?;
    let rest = rest.strip_prefix(b" ")?;
    Some((u32::from_str_radix(text, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_documented_form() {
        let mut lines = Vec::new();
        append(b"123456789", &mut lines);
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(lines, b"9 cbf43926 123456789\n");
        let frame = parse(&lines).expect("it is whole");
        assert_eq!(
            (frame.json, frame.crc32, frame.length),
            (&b"123456789"[..], 0xcbf4_3926, 20)
        );
    }

    #[test]
    fn says_what_is_wrong() {
        let checksum = Damage::Checksum {
            expected: 0xcbf4_3926,
            found: 0xe3b0_3a29,
        };
        for (text, expected) in [
            ("", Damage::Header),
            ("9", Damage::Header),
            ("{\"event_id\":1}", Damage::Header),
            ("09 cbf43926 123456789", Damage::Header),
            ("+9 cbf43926 123456789", Damage::Header),
            ("9 CBF43926 123456789", Damage::Header),
            ("9 cbf4392 123456789", Damage::Header),
            ("9 cbf43926123456789", Damage::Header),
            ("99999999999999999999 cbf43926 1", Damage::Header),
            ("9 cbf43926 12345678", Damage::Short { expected: 9 }),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(expected), "{text}");
        }
        let wrong = parse(b"9 cbf43926 123456780").expect_err("a byte differs");
        assert_eq!(std::mem::discriminant(&wrong), std::mem::discriminant(&checksum));
    }
}
