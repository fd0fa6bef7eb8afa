//! Parses JSON into values that borrow the text.
//!
//! Accepts exactly the grammar of RFC 8259, to a depth of [`MAX_DEPTH`]; a lone surrogate in an escape is refused.
//! Deliberately absent: any reading of numbers. Their text is kept, so 30 digits and `1e400` are fine.

use std::borrow::Cow;
use std::ops::Range;

use super::scan::find_special;
use super::unescape::unescape;
use super::{Member, Value};

/// Levels of nesting that are accepted. The parser recurses once a level, and so does everything that walks a value:
/// this bound is what keeps hostile input from overflowing the stack.
pub const MAX_DEPTH: usize = 128;

/// Members that are open at once in most bodies.
const USUAL_MEMBERS: usize = 32;

/// The text is no JSON. Positions are byte offsets into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text stops inside a value, or holds none.
    #[error("failed to parse JSON: the text ends at byte {position} inside a value")]
    Truncated {
        /// Length of the text.
        position: usize,
    },
    /// A byte that cannot stand where it stands.
    #[error("failed to parse JSON: unexpected byte at {position}")]
    Unexpected {
        /// Where it stands.
        position: usize,
    },
    /// A string with a control character, an unknown escape or a lone surrogate.
    #[error("failed to parse JSON: invalid string at byte {position}")]
    InvalidString {
        /// Where the string starts, or the byte in it.
        position: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("failed to parse JSON: nested deeper than {MAX_DEPTH} levels at byte {position}")]
    TooDeep {
        /// Where the first level too many opens.
        position: usize,
    },
}

/// Parses a text that holds one value and nothing else but whitespace.
pub fn parse(text: &str) -> Result<Value<'_>, ParseError> {
    let mut position = 0;
    let (_, value) =
        parse_next(text, &mut position)?.ok_or(ParseError::Truncated { position: text.len() })?;
    match Parser::new(text, position).peek_token() {
        None => Ok(value),
        Some((position, _)) => Err(ParseError::Unexpected { position }),
    }
}

/// Parses the next of several values that stand one after another, with or without whitespace between them, and says
/// which bytes it takes up.
///
/// `position` moves over whitespace to the value's first byte, and past the value once it is parsed; after an error it
/// stays at the value's first byte. `None` when only whitespace is left.
/// A number or a literal must be followed by whitespace, a bracket, a quote or the end.
pub fn parse_next<'a>(
    text: &'a str,
    position: &mut usize,
) -> Result<Option<(Range<usize>, Value<'a>)>, ParseError> {
    let mut parser = Parser::new(text, *position);
    let Some((start, _)) = parser.peek_token() else {
        *position = text.len();
        return Ok(None);
    };
    *position = start;
    let value = parser.value()?;
    if !matches!(value, Value::Object(_) | Value::Array(_) | Value::String(_)) {
        parser.expect_separation()?;
    }
    *position = parser.position;
    Ok(Some((start..parser.position, value)))
}

/// A cursor over a text.
pub(crate) struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    position: usize,
    depth: usize,
    /// Members of the objects that are open, one object's after the other's: each object gets a list of its exact length
    /// when it closes, where one that grows would be moved two or three times.
    open_members: Vec<Member<'a>>,
}

impl<'a> Parser<'a> {
    /// A cursor at byte `position` of `text`, which must not be inside a character.
    pub(crate) fn new(text: &'a str, position: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            position,
            depth: 0,
            open_members: Vec::new(),
        }
    }

    /// Byte offset of the cursor.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Skips whitespace and gives position and value of the next byte; `None` at the end.
    pub(crate) fn peek_token(&mut self) -> Option<(usize, u8)> {
        self.skip_whitespace();
        self.peek().map(|byte| (self.position, byte))
    }

    /// Steps over `byte` after whitespace, and says whether it was there.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        self.skip_whitespace();
        let is_there = self.peek() == Some(byte);
        self.position += usize::from(is_there);
        is_there
    }

    /// Parses the value that starts at the next byte that is no whitespace.
    pub(crate) fn value(&mut self) -> Result<Value<'a>, ParseError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'"') => match self.plain_string() {
                Some(text) => Ok(Value::String(Cow::Borrowed(text))),
                None => self.escaped_string().map(Value::String),
            },
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            _ => Err(self.unexpected()),
        }
    }

    /// Parses a member's name and the colon after it.
    #[inline(always)]
    pub(crate) fn name(&mut self) -> Result<Cow<'a, str>, ParseError> {
        self.skip_whitespace();
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let name = match self.plain_string() {
            Some(name) => Cow::Borrowed(name),
            None => self.escaped_string()?,
        };
        self.expect(b':')?;
        Ok(name)
    }

    fn object(&mut self) -> Result<Value<'a>, ParseError> {
        self.descend()?;
        let first = self.open_members.len();
        if !self.take(b'}') {
            if first == 0 {
                self.open_members.reserve(USUAL_MEMBERS);
            }
            loop {
                let name = self.name()?;
                // Nearly every value is such a text; made in its place it is not moved.
                let value = match self.plain_string() {
                    Some(text) => Value::String(Cow::Borrowed(text)),
                    None => self.value()?,
                };
                self.open_members.push((name, value));
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(Value::Object(self.open_members.drain(first..).collect()))
    }

    fn array(&mut self) -> Result<Value<'a>, ParseError> {
        self.descend()?;
        let mut elements = Vec::new();
        if !self.take(b']') {
            loop {
                elements.push(self.value()?);
                if self.take(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(Value::Array(elements))
    }

    /// Steps over an opening bracket.
    fn descend(&mut self) -> Result<(), ParseError> {
        if self.depth == MAX_DEPTH {
            return Err(ParseError::TooDeep {
                position: self.position,
            });
        }
        self.depth += 1;
        self.position += 1;
        Ok(())
    }

    /// The string at the cursor, if one starts there and has no escapes; else the cursor stays.
    #[inline]
    fn plain_string(&mut self) -> Option<&'a str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let start = self.position + 1;
        let end = find_special(self.bytes, start);
        if self.bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.position = end + 1;
        Some(&self.text[start..end])
    }

    /// The string at the cursor, which has escapes or is none.
    fn escaped_string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        let start = self.position + 1;
        let mut end = find_special(self.bytes, start);
        while self.bytes.get(end) == Some(&b'\\') {
            // The byte after a backslash is part of the escape, whatever it is.
            end = find_special(self.bytes, end + 2);
        }
        match self.bytes.get(end) {
            Some(b'"') => {}
            Some(_) => return Err(ParseError::InvalidString { position: end }),
            None => {
                return Err(ParseError::Truncated {
                    position: self.bytes.len(),
                });
            }
        }
        let text =
            unescape(&self.text[start..end]).ok_or(ParseError::InvalidString { position: start - 1 })?;
        self.position = end + 1;
        Ok(Cow::Owned(text))
    }

    fn number(&mut self) -> Result<Value<'a>, ParseError> {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        if self.peek() == Some(b'0') {
            self.position += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.position += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.position += 1;
            }
            self.digits()?;
        }
        Ok(Value::Number(Cow::Borrowed(&self.text[start..self.position])))
    }

    /// Steps over one or more digits.
    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.position;
        while let Some(b'0'..=b'9') = self.peek() {
            self.position += 1;
        }
        if self.position == start {
            return Err(self.unexpected());
        }
        Ok(())
    }

    // Inlined for the sake of the comparison, which is one instruction where the word is known.
    #[inline(always)]
    fn literal(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, ParseError> {
        if !self.bytes[self.position..].starts_with(word.as_bytes()) {
            return Err(self.unexpected());
        }
        self.position += word.len();
        Ok(value)
    }

    /// Refuses a scalar that runs into the next value, so that `2024-01-01` is no sequence of three numbers.
    fn expect_separation(&self) -> Result<(), ParseError> {
        match self.peek() {
            None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'{' | b'[' | b'"') => Ok(()),
            Some(_) => Err(self.unexpected()),
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.position += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    #[cold]
    fn unexpected(&self) -> ParseError {
        let position = self.position;
        if position >= self.bytes.len() {
            ParseError::Truncated { position }
        } else {
            ParseError::Unexpected { position }
        }
    }
}
