//! Lines of CEF and LEEF against their dictionaries: form, keys, types, lengths, labels.

use std::collections::HashSet;

use super::super::field::{Field, Object};
use super::super::{cef, leef};
use crate::map::encode::{leef::DELIMITER, text};
use crate::map::item::Item;

pub(super) fn cef(own: &[String], line: &[u8]) -> Vec<String> {
    let mut check = match Check::new(line, &cef::KEYS, own) {
        Ok(check) => check,
        Err(problem) => return vec![problem],
    };
    let Some(rest) = check.line.strip_prefix("CEF:0|") else {
        return vec!["the line does not start with `CEF:0|`".to_owned()];
    };
    let (parts, extension) = header(rest, cef::HEADER_ORDER.len());
    if parts.len() < cef::HEADER_ORDER.len() {
        return vec![format!("the header ends after {} parts", parts.len())];
    }
    check.header(&cef::HEADER, cef::HEADER_ORDER, &parts);
    let pairs = match extension_pairs(extension) {
        Ok(pairs) => pairs,
        Err(problem) => {
            check.problems.push(problem);
            return check.problems;
        }
    };
    check.pairs(&pairs);
    check.labels(&pairs);
    check.problems
}

pub(super) fn leef(own: &[String], line: &[u8]) -> Vec<String> {
    let mut check = match Check::new(line, &leef::ATTRIBUTES, own) {
        Ok(check) => check,
        Err(problem) => return vec![problem],
    };
    let Some(rest) = check.line.strip_prefix("LEEF:2.0|") else {
        return vec!["the line does not start with `LEEF:2.0|`".to_owned()];
    };
    let parts: Vec<_> = rest.splitn(leef::HEADER_ORDER.len() + 2, '|').collect();
    let Some((attributes, header)) = parts.split_last().filter(|(_, header)| header.len() == 5) else {
        return vec![format!("the header ends after {} parts", parts.len())];
    };
    if header[4] != DELIMITER.to_string() {
        check
            .problems
            .push(format!("the delimiter is `{}` and no `{DELIMITER}`", header[4]));
    }
    let values: Vec<_> = header[..4].iter().map(|part| (*part).to_owned()).collect();
    check.header(&leef::HEADER, leef::HEADER_ORDER, &values);
    let mut pairs = Vec::new();
    for attribute in attributes.split(DELIMITER).filter(|_| !attributes.is_empty()) {
        match attribute.split_once('=') {
            Some((key, value)) => pairs.push((key.to_owned(), value.to_owned())),
            None => check.problems.push(format!("`{attribute}` has no key")),
        }
    }
    check.pairs(&pairs);
    check.problems
}

struct Check<'l> {
    line: &'l str,
    keys: &'static Object,
    own: &'l [String],
    problems: Vec<String>,
}

impl<'l> Check<'l> {
    fn new(line: &'l [u8], keys: &'static Object, own: &'l [String]) -> Result<Self, String> {
        let line = std::str::from_utf8(line).map_err(|error| format!("the line is no UTF-8: {error}"))?;
        if let Some(character) = line.chars().find(|character| character.is_control()) {
            return Err(format!("the line has the control character {character:?}"));
        }
        Ok(Self {
            line,
            keys,
            own,
            problems: Vec::new(),
        })
    }

    fn header(&mut self, header: &'static Object, order: &[&str], parts: &[String]) {
        for (name, part) in order.iter().zip(parts) {
            self.value(name, &header.members[*name], part);
        }
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        let mut seen = HashSet::new();
        for (key, value) in pairs {
            if !seen.insert(key) {
                self.problems.push(format!("`{key}` stands twice"));
            }
            match self.keys.members.get(key) {
                Some(field) => self.value(key, field, value),
                None if self.own.contains(key) => {}
                None => self
                    .problems
                    .push(format!("`{key}` is no key of the format and not in `own_keys`")),
            }
        }
    }

    fn value(&mut self, key: &str, field: &Field, value: &str) {
        let fitted = text::fitted(Item::Text(value.into()), Some(field));
        if fitted.as_deref() != Some(value) {
            self.problems
                .push(format!("the value of `{key}` does not fit its type"));
        }
        if let Some(limit) = field.limit_bytes.filter(|limit| value.len() > *limit) {
            self.problems
                .push(format!("`{key}` is longer than {limit} bytes"));
        }
    }

    fn labels(&mut self, pairs: &[(String, String)]) {
        let has = |key: &str| pairs.iter().any(|(known, _)| known == key);
        for (key, field) in &self.keys.members {
            let Some(label) = &field.label else {
                continue;
            };
            if has(key) != has(label) {
                self.problems
                    .push(format!("`{key}` and `{label}` belong together"));
            }
        }
    }
}

/// The first `count` parts up to unescaped pipes, unescaped, and what stands behind them.
fn header(text: &str, count: usize) -> (Vec<String>, &str) {
    let mut parts = Vec::with_capacity(count);
    let mut part = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => part.extend(characters.next().map(|(_, escaped)| escaped)),
            '|' => {
                parts.push(std::mem::take(&mut part));
                if parts.len() == count {
                    return (parts, &text[index + 1..]);
                }
            }
            other => part.push(other),
        }
    }
    (parts, "")
}

/// Keys and unescaped values: a key is the word before an unescaped `=`, at the start or behind a space.
fn extension_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some(escaped @ ('\\' | '=')) => value.push(escaped),
                other => return Err(format!("`\\{}` is no escape", other.unwrap_or(' '))),
            },
            '=' => {
                let start = value.rfind(' ').map_or(0, |space| space + 1);
                let key = value.split_off(start);
                value.pop();
                match pairs.last_mut() {
                    Some((_, last)) => *last = std::mem::take(&mut value),
                    None if !value.is_empty() => return Err("the extension starts without a key".to_owned()),
                    None => {}
                }
                pairs.push((key, String::new()));
            }
            other => value.push(other),
        }
    }
    match pairs.last_mut() {
        Some((_, last)) => *last = value,
        None if !value.is_empty() => return Err("the extension has no key".to_owned()),
        None => {}
    }
    Ok(pairs)
}
