//! The text of a path with its pipes, parsed: `.Entities[Type=ip].Address | first | lower`.
//!
//! Deliberately absent: what names mean. [`super::compile`] looks up variables and functions.

use std::ops::Range;

use super::path::Selector;

/// A path and the calls it is piped through, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct PipeText {
    /// Name after `$`; `None` for a path into the record.
    pub variable: Option<Name>,
    /// Steps from there.
    pub selectors: Vec<Selector>,
    /// Functions, in order.
    pub calls: Vec<CallText>,
}

/// A name and where it stands in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Byte range in the text.
    pub range: Range<usize>,
}

/// One function call as written.
#[derive(Debug, Clone, PartialEq)]
pub struct CallText {
    /// The function.
    pub name: Name,
    /// Its arguments, unquoted.
    pub arguments: Vec<Name>,
}

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, lower case.
    pub message: String,
    /// Byte range in the text.
    pub range: Range<usize>,
    /// The next step.
    pub help: &'static str,
}

/// Whether text at the place of a value is a path and not a literal.
pub fn is_path(text: &str) -> bool {
    text.starts_with(['.', '$'])
}

/// Parses a path with its pipes.
pub fn parse(text: &str) -> Result<PipeText, SyntaxError> {
    let mut reader = Reader { text, position: 0 };
    let pipe = reader.pipe()?;
    match reader.peek() {
        None => Ok(pipe),
        Some(character) => Err(reader.error(
            format!("unexpected `{character}` after the path"),
            "a path goes on with `.name`, `[…]` or `| function`; quote names with other characters: `.\"a name\"`",
        )),
    }
}

/// A piece of a `text:` template.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// `{path | function}`.
    Pipe(PipeText),
}

/// Parses a template; `{{` and `}}` stand for braces.
pub fn parse_template(text: &str) -> Result<Vec<Piece>, SyntaxError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut reader = Reader { text, position: 0 };
    while let Some(character) = reader.next() {
        match character {
            '{' | '}' if reader.peek() == Some(character) => {
                reader.next();
                literal.push(character);
            }
            '{' => {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                let pipe = reader.pipe()?;
                if reader.peek() != Some('}') {
                    return Err(reader.error(
                        "`{` without `}`".to_owned(),
                        "close the path with `}`; `{{` is a brace as text",
                    ));
                }
                reader.next();
                pieces.push(Piece::Pipe(pipe));
            }
            '}' => {
                reader.position -= 1;
                return Err(reader.error("`}` without `{`".to_owned(), "write `}}` for a brace as text"));
            }
            other => literal.push(other),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

struct Reader<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Reader<'t> {
    fn pipe(&mut self) -> Result<PipeText, SyntaxError> {
        self.skip_blanks();
        let variable = match self.peek() {
            Some('$') => {
                self.next();
                Some(self.name("a name is missing after `$`")?)
            }
            Some('.') => None,
            _ => return Err(self.error("a path is missing".to_owned(), "a path starts with `.` or `$`")),
        };
        let selectors = self.selectors(variable.is_none())?;
        let mut calls = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek() != Some('|') {
                break;
            }
            self.next();
            self.skip_blanks();
            calls.push(self.call()?);
        }
        Ok(PipeText {
            variable,
            selectors,
            calls,
        })
    }

    /// `is_record`: a lone `.` is the whole record.
    fn selectors(&mut self, is_record: bool) -> Result<Vec<Selector>, SyntaxError> {
        let mut selectors = Vec::new();
        loop {
            match self.peek() {
                Some('.') => {
                    self.next();
                    match self.peek() {
                        Some('"') => selectors.push(Selector::Key(self.quoted()?.into())),
                        Some(character) if is_name(character) => {
                            let name = self.name("a name is missing")?;
                            selectors.push(Selector::Key(name.text.into()));
                        }
                        // `.[Type=x]` and a lone `.` start at the record itself.
                        following if is_record && selectors.is_empty() && following != Some('.') => {}
                        _ => {
                            return Err(self.error(
                                "a name is missing after `.`".to_owned(),
                                "quote names with other characters: `.\"a name\"`",
                            ));
                        }
                    }
                }
                Some('[') => selectors.push(self.bracket()?),
                _ => return Ok(selectors),
            }
        }
    }

    fn bracket(&mut self) -> Result<Selector, SyntaxError> {
        const HELP: &str = "in brackets stand nothing, a position, `Key=value` or `Key!=value`";
        let start = self.position;
        self.next();
        let Some(length) = self.rest().find(']') else {
            return Err(self.error_at("`[` without `]`".to_owned(), start..self.text.len(), HELP));
        };
        let content = &self.rest()[..length];
        self.position += length + 1;
        if content.is_empty() {
            return Ok(Selector::All);
        }
        if let Ok(index) = content.parse() {
            return Ok(Selector::Index(index));
        }
        let Some((key, value)) = content.split_once('=') else {
            return Err(self.error_at(
                format!("`[{content}]` is no selector"),
                start..self.position,
                HELP,
            ));
        };
        let (key, is_negated) = key.strip_suffix('!').map_or((key, false), |key| (key, true));
        let (key, value) = (unquoted(key), unquoted(value));
        if key.is_empty() || value.is_empty() {
            return Err(self.error_at(
                format!("`[{content}]` is no selector"),
                start..self.position,
                HELP,
            ));
        }
        Ok(Selector::Filter {
            key: key.into(),
            value: value.into(),
            is_negated,
        })
    }

    fn call(&mut self) -> Result<CallText, SyntaxError> {
        let name = self.name("a function is missing after `|`")?;
        let mut arguments = Vec::new();
        if self.peek() != Some('(') {
            return Ok(CallText { name, arguments });
        }
        self.next();
        loop {
            self.skip_blanks();
            let start = self.position;
            let text = match self.peek() {
                Some(')') if arguments.is_empty() => {
                    self.next();
                    return Ok(CallText { name, arguments });
                }
                Some('"') => self.quoted()?,
                _ => self.bare(),
            };
            arguments.push(Name {
                text,
                range: start..self.position,
            });
            self.skip_blanks();
            match self.next() {
                Some(',') => {}
                Some(')') => return Ok(CallText { name, arguments }),
                _ => {
                    self.position = start;
                    return Err(self.error("`(` without `)`".to_owned(), "close the arguments with `)`"));
                }
            }
        }
    }

    fn bare(&mut self) -> String {
        let rest = self.rest();
        let length = rest.find([',', ')']).unwrap_or(rest.len());
        self.position += length;
        rest[..length].trim_end().to_owned()
    }

    fn name(&mut self, missing: &str) -> Result<Name, SyntaxError> {
        let start = self.position;
        let length = self
            .rest()
            .find(|character| !is_name(character))
            .unwrap_or(self.rest().len());
        if length == 0 {
            return Err(self.error(
                missing.to_owned(),
                "names hold letters, digits, `_` and `-`; quote others",
            ));
        }
        self.position += length;
        Ok(Name {
            text: self.text[start..self.position].to_owned(),
            range: start..self.position,
        })
    }

    fn quoted(&mut self) -> Result<String, SyntaxError> {
        let start = self.position;
        self.next();
        let mut text = String::new();
        while let Some(character) = self.next() {
            match character {
                '"' => return Ok(text),
                '\\' => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(other) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err(self.error_at(
            "a quote is not closed".to_owned(),
            start..self.text.len(),
            "close it with `\"`",
        ))
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    fn error(&self, message: String, help: &'static str) -> SyntaxError {
        let length = self.peek().map_or(0, char::len_utf8);
        self.error_at(message, self.position..self.position + length, help)
    }

    fn error_at(&self, message: String, range: Range<usize>, help: &'static str) -> SyntaxError {
        SyntaxError { message, range, help }
    }
}

/// Letters of any script: keys of the record are the vendor's.
fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests;
