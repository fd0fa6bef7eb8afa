//! A line that is longer than its receiver takes loses the keys that can best be spared, in a fixed order, before
//! anything of the others is cut.

/// Keys of CEF and LEEF that go first, in this order; a label goes with its key.
const SPARED: [&str; 5] = ["cs4", "remediation", "msg", "description", "cs5"];

/// Marks a line of which more than the spared keys is missing.
const MARK: &str = "truncated=true";

/// Values are not cut below the length of an identifier, which is worth nothing in part.
const MIN_VALUE_BYTES: usize = 64;

/// Brings a line of CEF or LEEF, without its end, down to `limit_bytes`.
///
/// First the spared keys are dropped as far as needed. If that is not enough, the longest values are cut between
/// characters and the line says `truncated=true`. A header that alone is too long is left as it is: the caller sees
/// that the line is still too long.
pub fn shorten(line: &mut Vec<u8>, limit_bytes: usize) {
    if line.len() <= limit_bytes {
        return;
    }
    let Some(mut parts) = std::str::from_utf8(line).ok().and_then(Parts::of) else {
        return;
    };
    for key in SPARED {
        if parts.length() > limit_bytes {
            let label = format!("{key}Label");
            parts.pairs.retain(|(known, _)| known != key && *known != label);
        }
    }
    if parts.length() > limit_bytes {
        parts.cut(limit_bytes);
    }
    *line = parts.joined().into_bytes();
}

/// A line taken apart; values stay escaped.
struct Parts {
    header: String,
    separator: char,
    pairs: Vec<(String, String)>,
}

impl Parts {
    fn of(line: &str) -> Option<Self> {
        let (separator, pipes) = match line.starts_with("CEF:") {
            true => (' ', 7),
            false => ('^', 6),
        };
        let is_cef = separator == ' ';
        let end = unescaped(line, '|', is_cef).nth(pipes - 1)? + 1;
        let (header, rest) = line.split_at(end);
        let pairs = match is_cef {
            true => extension(rest),
            false => {
                let attributes = rest
                    .split(separator)
                    .filter_map(|attribute| attribute.split_once('='));
                attributes
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect()
            }
        };
        Some(Self {
            header: header.to_owned(),
            separator,
            pairs,
        })
    }

    fn length(&self) -> usize {
        let pairs = self.pairs.iter().map(|(key, value)| key.len() + value.len() + 2);
        self.header.len() + pairs.sum::<usize>().saturating_sub(1)
    }

    /// Cuts the longest value until all fits with the mark.
    fn cut(&mut self, limit_bytes: usize) {
        let (key, value) = MARK.split_once('=').expect("the mark is a pair");
        self.pairs.push((key.to_owned(), value.to_owned()));
        loop {
            let excess = self.length().saturating_sub(limit_bytes);
            let longest = self.pairs.iter_mut().max_by_key(|(_, value)| value.len());
            let Some((_, value)) = longest.filter(|(_, value)| excess > 0 && value.len() > MIN_VALUE_BYTES)
            else {
                break;
            };
            cut_escaped(value, value.len().saturating_sub(excess).max(MIN_VALUE_BYTES));
        }
    }

    fn joined(&self) -> String {
        let pairs: Vec<_> = self
            .pairs
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!("{}{}", self.header, pairs.join(&self.separator.to_string()))
    }
}

/// Cuts between characters and not behind a lone backslash.
fn cut_escaped(value: &mut String, length: usize) {
    let end = (0..=length).rev().find(|index| value.is_char_boundary(*index));
    value.truncate(end.unwrap_or_default());
    let backslashes = value.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if backslashes % 2 == 1 {
        value.pop();
    }
    value.truncate(value.trim_end().len());
}

fn extension(text: &str) -> Vec<(String, String)> {
    let equals: Vec<_> = unescaped(text, '=', true).collect();
    let start = |equal: usize| text[..equal].rfind(' ').map_or(0, |space| space + 1);
    let pairs = equals.iter().enumerate().map(|(index, equal)| {
        let end = equals
            .get(index + 1)
            .map_or(text.len(), |next| start(*next).saturating_sub(1));
        (
            text[start(*equal)..*equal].to_owned(),
            text[equal + 1..end].to_owned(),
        )
    });
    pairs.collect()
}

/// Where `wanted` stands; in CEF only where an even number of backslashes is before it.
fn unescaped(text: &str, wanted: char, is_cef: bool) -> impl Iterator<Item = usize> {
    let places = text.match_indices(wanted).map(|(index, _)| index);
    places.filter(move |index| {
        let before = text.as_bytes()[..*index].iter().rev();
        !is_cef || before.take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(line: &str, limit: usize) -> String {
        let mut line = line.as_bytes().to_vec();
        shorten(&mut line, limit);
        String::from_utf8(line).expect("it stays text")
    }

    #[test]
    fn spared_keys_go_in_order() {
        let head = r"CEF:0|M|a\|b|1|c|n|8|";
        let line = format!(r"{head}msg=m\= x act=a cs4=rem edy cs4Label=Remediation cs5=d cs5Label=Detail");
        for (limit, expected) in [
            (line.len(), line.clone()),
            (
                line.len() - 1,
                format!(r"{head}msg=m\= x act=a cs5=d cs5Label=Detail"),
            ),
            (50, format!("{head}act=a cs5=d cs5Label=Detail")),
            (30, format!("{head}act=a")),
        ] {
            assert_eq!(shortened(&line, limit), expected, "{limit}");
        }
        let line = "LEEF:2.0|M|D|1|e|^|remediation=r^description=d^a=b";
        assert_eq!(shortened(line, 40), "LEEF:2.0|M|D|1|e|^|description=d^a=b");
        assert_eq!(shortened(line, 30), "LEEF:2.0|M|D|1|e|^|a=b");
    }

    #[test]
    fn what_remains_too_long_is_cut_and_says_so() {
        let line = format!(r"CEF:0|M|D|1|c|n|8|act={} eventUid=e", r"\\".repeat(200));
        let short = shortened(&line, 150);
        assert!(
            short.len() <= 150 && short.ends_with(r"\\ eventUid=e truncated=true"),
            "{short}"
        );
        let values = short.split("act=").nth(1).and_then(|rest| rest.split(' ').next());
        assert_eq!(values.map(|value| value.len() % 2), Some(0), "no escape is torn");
        let line = format!("LEEF:2.0|M|D|1|e|^|a={}^b=c", "ü".repeat(100));
        let short = shortened(&line, 121);
        assert!(
            short.len() <= 121 && short.ends_with("ü^b=c^truncated=true"),
            "{short}"
        );
    }
}
