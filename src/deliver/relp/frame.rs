//! Frames of RELP: `TXNR SP COMMAND SP DATALEN [SP DATA] LF`.
//!
//! Deliberately absent: what a command means.

use std::fmt;
use std::io::Write;

/// Most bytes of data in one frame, in both directions: what the receivers' library takes unless it is told otherwise.
pub const MAX_DATA_BYTES: usize = 128 * 1024;

/// Longest command; the ones that exist have at most 11 letters.
const MAX_COMMAND_BYTES: usize = 32;

/// Most digits of a number or of a length.
const MAX_DIGITS: usize = 9;

/// Number of a frame within its session: 1 to 999,999,999, and then 1 again. A receiver uses 0 for what answers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(u32);

impl Number {
    /// The first one of a session.
    pub const FIRST: Self = Self(1);
    /// The last one before [`Number::FIRST`] comes again.
    pub const LAST: Self = Self(999_999_999);

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::LAST => Self::FIRST,
            Self(number) => Self(number + 1),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A whole frame as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'b> {
    /// The number of the frame it answers, or 0.
    pub number: Number,
    /// `rsp` or `serverclose`.
    pub command: &'b str,
    /// What follows the length, without the line end.
    pub data: &'b [u8],
}

/// Bytes that are no frame: the session cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something else than up to nine digits stands where the number or the length belongs.
    #[error("the {part} of a frame is no number of up to nine digits")]
    Digits {
        /// `number` or `length`.
        part: &'static str,
    },
    /// Something else than up to 32 letters stands where the command belongs.
    #[error("the command of a frame is no word of up to {MAX_COMMAND_BYTES} letters")]
    Command,
    /// More data than any answer has.
    #[error("a frame announces {length} bytes, more than {MAX_DATA_BYTES}")]
    Length {
        /// The length.
        length: usize,
    },
    /// The line end is missing after the data.
    #[error("a frame does not end where its length says")]
    End,
}

/// Adds a frame to `output`. `data` has at most [`MAX_DATA_BYTES`].
pub fn append(number: Number, command: &str, data: &[u8], output: &mut Vec<u8>) {
    assert!(
        data.len() <= MAX_DATA_BYTES,
        "the limits of every option stay below"
    );
    write!(output, "{number} {command} {}", data.len()).expect("memory can be written");
    if !data.is_empty() {
        output.push(b' ');
        output.extend_from_slice(data);
    }
    output.push(b'\n');
}

/// The first frame of `bytes` and how many of them it takes; `None` while its end has not come yet.
///
/// An impossible frame is refused as soon as that is certain, so that no length makes anyone wait or store.
pub fn parse(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Error> {
    let mut rest = bytes;
    let Some(number) = digits(&mut rest, b" ", "number")? else {
        return Ok(None);
    };
    let Some(command) = command(&mut rest)? else {
        return Ok(None);
    };
    let Some(length) = digits(&mut rest, b" \n", "length")? else {
        return Ok(None);
    };
    let length = length as usize;
    if length > MAX_DATA_BYTES {
        return Err(Error::Length { length });
    }
    let header = bytes.len() - rest.len();
    // Without data there is no space either, so that the line end came with the length.
    let (data, taken) = match bytes[header - 1] {
        b'\n' if length == 0 => (&rest[..0], header),
        b'\n' => return Err(Error::End),
        _ => match rest.get(length) {
            None => return Ok(None),
            Some(b'\n') => (&rest[..length], header + length + 1),
            Some(_) => return Err(Error::End),
        },
    };
    let number = Number(number);
    Ok(Some((
        Frame {
            number,
            command,
            data,
        },
        taken,
    )))
}

/// Takes digits and the one byte of `ends` that follows them.
fn digits(rest: &mut &[u8], ends: &[u8], part: &'static str) -> Result<Option<u32>, Error> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count > MAX_DIGITS {
        return Err(Error::Digits { part });
    }
    match rest.get(count) {
        None => Ok(None),
        Some(end) if count > 0 && ends.contains(end) => {
            let value = rest[..count]
                .iter()
                .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
            *rest = &rest[count + 1..];
            Ok(Some(value))
        }
        Some(_) => Err(Error::Digits { part }),
    }
}

/// Takes letters and the space that follows them.
fn command<'b>(rest: &mut &'b [u8]) -> Result<Option<&'b str>, Error> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if count > MAX_COMMAND_BYTES {
        return Err(Error::Command);
    }
    match rest.get(count) {
        None => Ok(None),
        Some(b' ') if count > 0 => {
            let command = std::str::from_utf8(&rest[..count]).expect("letters are text");
            *rest = &rest[count + 1..];
            Ok(Some(command))
        }
        Some(_) => Err(Error::Command),
    }
}

#[cfg(test)]
mod tests;
