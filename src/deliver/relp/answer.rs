//! What a receiver says to a frame: `CODE SP TEXT`, and to `open` what it can do.

/// Longest text of a peer that is repeated in logs and dead letters, in characters.
const MAX_TEXT_CHARACTERS: usize = 200;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'b> {
    /// `200`; the lines after the first are what the receiver offers.
    Taken {
        /// The lines after the first.
        offers: &'b [u8],
    },
    /// Any other code, which is `500` in practice.
    Refused {
        /// Code and text on one line, shortened.
        text: String,
    },
    /// Nothing, as `close` is answered.
    Empty,
    /// No answer that such a receiver gives.
    Unreadable,
}

impl<'b> Answer<'b> {
    /// Reads the data of a `rsp` frame.
    pub fn parse(data: &'b [u8]) -> Self {
        if data.is_empty() {
            return Self::Empty;
        }
        let (code, rest) = data.split_at(data.len().min(3));
        let is_code = code.len() == 3 && code.iter().all(u8::is_ascii_digit);
        if !is_code || !matches!(rest.first(), None | Some(b' ' | b'\n')) {
            return Self::Unreadable;
        }
        if code != b"200" {
            return Self::Refused { text: one_line(data) };
        }
        let offers = memchr::memchr(b'\n', data).map_or(&data[data.len()..], |end| &data[end + 1..]);
        Self::Taken { offers }
    }
}

/// Whether the offers of an `open` answer name the command `syslog`.
pub fn offers_syslog(offers: &[u8]) -> bool {
    offers
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"commands="))
        .flat_map(|commands| commands.split(|byte| *byte == b','))
        .any(|command| command.trim_ascii() == b"syslog")
}

/// What the offers of an `open` answer say about the receiver's software; empty if they say nothing.
pub fn software(offers: &[u8]) -> String {
    let mut lines = offers.split(|byte| *byte == b'\n');
    let software = lines.find_map(|line| line.strip_prefix(b"relp_software="));
    software.map(one_line).unwrap_or_default()
}

/// A peer's text on one line, without control characters, shortened.
pub fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut characters = text.trim().chars();
    let line: String = characters
        .by_ref()
        .take(MAX_TEXT_CHARACTERS)
        .map(|character| match character.is_control() {
            true => ' ',
            false => character,
        })
        .collect();
    match characters.next() {
        Some(_) => format!("{line}..."),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_taken_from_refused() {
        let refused = |text: &str| Answer::Refused {
            text: text.to_owned(),
        };
        let offered: &[u8] = b"relp_version=0\ncommands=syslog\n";
        let cases: [(&[u8], Answer<'_>); 11] = [
            (b"200 OK", Answer::Taken { offers: b"" }),
            (b"200", Answer::Taken { offers: b"" }),
            (
                b"200 OK\nrelp_version=0\ncommands=syslog\n",
                Answer::Taken { offers: offered },
            ),
            (b"500 command disabled", refused("500 command disabled")),
            (b"500 a\nb\x1b", refused("500 a b ")),
            (b"404", refused("404")),
            (b"", Answer::Empty),
            (b"20", Answer::Unreadable),
            (b"2000 OK", Answer::Unreadable),
            (b"OK 200", Answer::Unreadable),
            (b"\xff\xff\xff\xff", Answer::Unreadable),
        ];
        for (data, expected) in cases {
            assert_eq!(Answer::parse(data), expected, "{}", data.escape_ascii());
        }
        let Answer::Refused { text } = Answer::parse(&[b"500 ".as_slice(), &[b'x'; 1_000]].concat()) else {
            panic!("it is refused");
        };
        assert_eq!((text.len(), text.ends_with("x...")), (203, true));
    }

    #[test]
    fn finds_syslog_among_the_offers() {
        let cases: [(&[u8], bool); 6] = [
            (b"relp_version=0\nrelp_software=x\ncommands=syslog", true),
            (b"commands=eventlog, syslog\n", true),
            (b"commands=syslogs", false),
            (b"relp_version=0\n", false),
            (b"xcommands=syslog", false),
            (b"", false),
        ];
        for (offers, expected) in cases {
            assert_eq!(offers_syslog(offers), expected, "{}", offers.escape_ascii());
        }
    }
}
