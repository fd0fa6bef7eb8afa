//! A reader of LEEF 2.0, from the rules of the format: five header parts, the last of which names the delimiter, then
//! attributes, whose keys end at the first equals sign. Nothing is escaped.

use std::collections::BTreeMap;

/// A line taken apart.
#[derive(Debug)]
pub struct Leef {
    /// Vendor, product, version, event id.
    pub header: Vec<String>,
    /// Values by key.
    pub attributes: BTreeMap<String, String>,
}

pub fn parse(line: &str) -> Result<Leef, String> {
    if line.chars().any(char::is_control) {
        return Err(format!("a control character in {line:?}"));
    }
    let mut parts = line.splitn(7, '|');
    if parts.next() != Some("LEEF:2.0") {
        return Err("no LEEF:2.0".to_owned());
    }
    let parts: Vec<&str> = parts.collect();
    let [vendor, product, version, event_id, delimiter, attributes] = parts[..] else {
        return Err("the header ends early".to_owned());
    };
    let mut pairs = BTreeMap::new();
    for attribute in attributes
        .split(delimiter)
        .filter(|attribute| !attribute.is_empty())
    {
        let (key, value) = attribute
            .split_once('=')
            .ok_or(format!("{attribute:?} has no key"))?;
        if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{key} stands twice"));
        }
    }
    let header = [vendor, product, version, event_id].map(str::to_owned);
    Ok(Leef {
        header: header.into(),
        attributes: pairs,
    })
}
