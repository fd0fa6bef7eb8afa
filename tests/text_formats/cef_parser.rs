//! A reader of CEF, from the rules of the format: seven header parts behind `CEF:0`, of which pipes and backslashes are
//! escaped, then keys, which are words before an equals sign that is not escaped.

use std::collections::BTreeMap;

/// A line taken apart.
#[derive(Debug)]
pub struct Cef {
    /// Vendor, product, version, class id, name, severity.
    pub header: Vec<String>,
    /// Values by key.
    pub extension: BTreeMap<String, String>,
}

pub fn parse(line: &str) -> Result<Cef, String> {
    if line.contains(['\n', '\r']) {
        return Err("more than one line".to_owned());
    }
    let mut rest = line.strip_prefix("CEF:0|").ok_or("no CEF:0")?;
    let mut header = Vec::new();
    while header.len() < 6 {
        let end = unescaped(rest, '|').next().ok_or("the header ends early")?;
        header.push(unescape(&rest[..end], &[('|', '|'), ('\\', '\\')])?);
        rest = &rest[end + 1..];
    }
    let equals: Vec<usize> = unescaped(rest, '=').collect();
    let starts: Vec<usize> = equals
        .iter()
        .map(|equal| rest[..*equal].rfind(' ').map_or(0, |space| space + 1))
        .collect();
    let mut extension = BTreeMap::new();
    for (index, (start, equal)) in starts.iter().zip(&equals).enumerate() {
        let end = starts.get(index + 1).map_or(rest.len(), |next| next - 1);
        let key = &rest[*start..*equal];
        if key.is_empty() || !key.chars().all(|character| character.is_ascii_alphanumeric()) {
            return Err(format!("{key:?} is no key in {line:?}"));
        }
        let escapes = [('\\', '\\'), ('=', '='), ('n', '\n'), ('r', '\r')];
        let value = unescape(&rest[equal + 1..end], &escapes)?;
        if extension.insert(key.to_owned(), value).is_some() {
            return Err(format!("{key} stands twice"));
        }
    }
    if starts.first().is_some_and(|start| *start > 0) || (starts.is_empty() && !rest.is_empty()) {
        return Err(format!("text before the first key in {line:?}"));
    }
    Ok(Cef { header, extension })
}

/// Where `wanted` stands with an even number of backslashes before it.
fn unescaped(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    text.match_indices(wanted)
        .map(|(index, _)| index)
        .filter(move |index| {
            let before = text[..*index].bytes().rev();
            before.take_while(|byte| *byte == b'\\').count() % 2 == 0
        })
}

fn unescape(text: &str, escapes: &[(char, char)]) -> Result<String, String> {
    let mut plain = String::new();
    let mut is_escaped = false;
    for character in text.chars() {
        if is_escaped {
            let meant = escapes.iter().find(|(written, _)| *written == character);
            plain.push(meant.ok_or(format!("\\{character} is no escape"))?.1);
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else {
            plain.push(character);
        }
    }
    match is_escaped {
        true => Err("a backslash at the end".to_owned()),
        false => Ok(plain),
    }
}
