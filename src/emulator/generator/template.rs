//! Templates of export items, compiled so that a body is a row of copies.
//!
//! A template file holds the record kind, its weight among the others, `variants` with values that belong together
//! (a detection, its title and severity) and the `body`. `{{name}}` in the body is a name of the variant, or else a
//! [`Placeholder`]. A string that is nothing but one name takes the JSON type of its value.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::scene::{Placeholder, Scene};
use crate::event::Kind;

/// The template files with their names, in the order of the record kinds.
pub const FILES: [(&str, &str); 18] = [
    ("alert-machine", include_str!("templates/alert-machine.json")),
    ("alert-network", include_str!("templates/alert-network.json")),
    (
        "alert-kubernetes",
        include_str!("templates/alert-kubernetes.json"),
    ),
    ("alert-incident", include_str!("templates/alert-incident.json")),
    ("alert-rest", include_str!("templates/alert-rest.json")),
    (
        "assessment-azure",
        include_str!("templates/assessment-azure.json"),
    ),
    ("assessment-aws", include_str!("templates/assessment-aws.json")),
    ("assessment-gcp", include_str!("templates/assessment-gcp.json")),
    (
        "assessment-on-premises",
        include_str!("templates/assessment-on-premises.json"),
    ),
    (
        "assessment-devops",
        include_str!("templates/assessment-devops.json"),
    ),
    (
        "finding-container",
        include_str!("templates/finding-container.json"),
    ),
    ("finding-sql", include_str!("templates/finding-sql.json")),
    ("finding-pascal", include_str!("templates/finding-pascal.json")),
    ("secure-score", include_str!("templates/secure-score.json")),
    (
        "secure-score-control",
        include_str!("templates/secure-score-control.json"),
    ),
    ("compliance", include_str!("templates/compliance.json")),
    ("attack-path", include_str!("templates/attack-path.json")),
    (
        "unknown-assignment",
        include_str!("templates/unknown-assignment.json"),
    ),
];

/// One compiled template.
#[derive(Debug)]
pub struct Template {
    pub name: &'static str,
    pub kind: Kind,
    /// How often it is chosen, relative to the others.
    pub weight: u64,
    /// One row of pieces for each variant; not empty.
    pub variants: Vec<Vec<Piece>>,
}

/// A piece of a compiled body.
#[derive(Debug)]
pub enum Piece {
    Literal(Box<[u8]>),
    Value(Placeholder),
}

impl Template {
    /// All templates.
    pub fn all() -> Vec<Template> {
        FILES
            .into_iter()
            .map(|(name, text)| Self::parse(name, text))
            .collect()
    }

    fn parse(name: &'static str, text: &str) -> Self {
        let file: Value = serde_json::from_str(text).expect("an embedded template is valid JSON");
        let kind = file["kind"].as_str().expect("a template names its kind");
        let variants = file["variants"].as_array().expect("a template has variants");
        Self {
            name,
            kind: Kind::from_str(kind).expect("a template's kind is a record kind"),
            weight: file["weight"].as_u64().expect("a template has a weight"),
            variants: variants
                .iter()
                .map(|values| {
                    let values = values.as_object().expect("a variant is an object");
                    compile(&fill(&file["body"], values).to_string())
                })
                .collect(),
        }
    }
}

/// Appends the body that `pieces` and the values of `scene` give.
pub fn write(pieces: &[Piece], scene: &Scene<'_>, output: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Literal(bytes) => output.extend_from_slice(bytes),
            Piece::Value(placeholder) => scene.write(*placeholder, output),
        }
    }
}

/// `body` with the values of one variant in place of their names.
fn fill(body: &Value, values: &Map<String, Value>) -> Value {
    match body {
        Value::String(text) => fill_text(text, values),
        Value::Array(items) => items.iter().map(|item| fill(item, values)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), fill(member, values)))
            .collect(),
        other => other.clone(),
    }
}

fn fill_text(text: &str, values: &Map<String, Value>) -> Value {
    let mut text = text.to_owned();
    for (name, value) in values {
        let marker = format!("{{{{{name}}}}}");
        match value {
            Value::String(value) => text = text.replace(&marker, value),
            other if text == marker => return other.clone(),
            _ => {}
        }
    }
    Value::String(text)
}

/// Cuts compact JSON at its placeholders; the quotes around a bare value go with it.
fn compile(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, marked)) = rest.split_once("{{") {
        let (name, after) = marked.split_once("}}").expect("a placeholder is closed");
        let placeholder =
            Placeholder::named(name).unwrap_or_else(|| panic!("no placeholder is called `{name}`"));
        let (before, after) = if placeholder.is_bare() {
            (
                before.strip_suffix('"').expect("a bare value is a whole string"),
                after.strip_prefix('"').expect("a bare value is a whole string"),
            )
        } else {
            (before, after)
        };
        pieces.push(Piece::Literal(before.as_bytes().into()));
        pieces.push(Piece::Value(placeholder));
        rest = after;
    }
    pieces.push(Piece::Literal(rest.as_bytes().into()));
    pieces
}
