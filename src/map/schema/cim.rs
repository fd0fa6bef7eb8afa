//! Data models of Splunk's Common Information Model. Origin and licence: `data/SOURCES.md`.
//!
//! The models name fields and, for a few, their values; types they leave to the search. What a model calls required is
//! what its dashboards look for, not what every event has, so nothing is demanded of a map.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::field::{Allowed, Field, Object, Shape, Type};

/// A data model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Alerts, `tag=alert`.
    Alerts,
    /// Vulnerabilities, `tag=vulnerability tag=report`.
    Vulnerabilities,
}

impl Model {
    /// How messages call it.
    pub fn title(self) -> &'static str {
        match self {
            Model::Alerts => "the CIM data model Alerts",
            Model::Vulnerabilities => "the CIM data model Vulnerabilities",
        }
    }

    /// Its fields.
    pub fn root(self) -> &'static Object {
        match self {
            Model::Alerts => &MODELS["Alerts"],
            Model::Vulnerabilities => &MODELS["Vulnerabilities"],
        }
    }
}

static MODELS: LazyLock<BTreeMap<String, Object>> = LazyLock::new(|| {
    let models: BTreeMap<String, BTreeMap<String, Line>> =
        serde_json::from_str(include_str!("data/cim.json")).expect("the embedded models are valid");
    models
        .into_iter()
        .map(|(name, lines)| {
            let fields = lines.into_iter().map(|(name, line)| (name, field(line)));
            let object = Object {
                members: fields.collect(),
                ..Object::default()
            };
            (name, object)
        })
        .collect()
});

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    expected_values: Vec<String>,
    #[serde(default)]
    multi_value: bool,
}

fn field(line: Line) -> Field {
    let (value_type, shape) = match (line.expected_values.is_empty(), line.multi_value) {
        (false, _) => (Type::Text, Shape::One),
        (true, true) => (Type::Scalar, Shape::List),
        // The search makes a field with several values of any JSON list.
        (true, false) => (Type::Scalar, Shape::Either),
    };
    let mut field = Field::new(value_type, shape);
    field.allowed = line.expected_values.into_iter().map(Allowed::text).collect();
    field
}
