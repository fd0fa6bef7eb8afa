//! How lines are told apart in a stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::Format;

/// How lines are told apart in a stream (RFC 6587).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// The number of its bytes stands before each line.
    OctetCounting,
    /// A line feed ends each line.
    LineFeed,
}

impl Framing {
    /// What receivers of `format` expect.
    pub fn usual(format: Format) -> Self {
        match format {
            Format::Rfc5424 => Framing::OctetCounting,
            Format::Rfc3164 => Framing::LineFeed,
        }
    }

    /// Appends `line`, which has no line feed in it, with what sets it apart.
    pub fn append(self, line: &[u8], output: &mut Vec<u8>) {
        match self {
            Framing::OctetCounting => {
                output.extend_from_slice(itoa::Buffer::new().format(line.len()).as_bytes());
                output.push(b' ');
                output.extend_from_slice(line);
            }
            Framing::LineFeed => {
                output.extend_from_slice(line);
                output.push(b'\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_set_apart() {
        for (framing, expected) in [
            (Framing::OctetCounting, "6 <131>a7 <131>\u{fc}"),
            (Framing::LineFeed, "<131>a\n<131>\u{fc}\n"),
        ] {
            let mut output = Vec::new();
            framing.append(b"<131>a", &mut output);
            framing.append("<131>\u{fc}".as_bytes(), &mut output);
            assert_eq!(String::from_utf8_lossy(&output), expected);
        }
    }
}
