//! Columns of the tables that the export's second destination fills. Origin and licence: `data/SOURCES.md`.
//!
//! Of SecurityAlert, SecurityNestedRecommendation and SecurityRegulatoryCompliance only a part of the columns is
//! confirmed: of some only the name is known, and any value is allowed in them; a map lists further ones under
//! `own_prefixes`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::field::{Field, Object, Shape, Type};

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called like its table")]
pub enum Table {
    SecurityAlert,
    SecurityRecommendation,
    SecurityNestedRecommendation,
    SecureScores,
    SecureScoreControls,
    SecurityRegulatoryCompliance,
    SecurityAttackPathData,
}

impl Table {
    /// How messages call it.
    pub fn title(self) -> &'static str {
        match self {
            Table::SecurityAlert => "the table SecurityAlert",
            Table::SecurityRecommendation => "the table SecurityRecommendation",
            Table::SecurityNestedRecommendation => "the table SecurityNestedRecommendation",
            Table::SecureScores => "the table SecureScores",
            Table::SecureScoreControls => "the table SecureScoreControls",
            Table::SecurityRegulatoryCompliance => "the table SecurityRegulatoryCompliance",
            Table::SecurityAttackPathData => "the table SecurityAttackPathData",
        }
    }

    /// Its columns.
    pub fn root(self) -> &'static Object {
        let name = self.title().rsplit(' ').next().expect("a title has words");
        &TABLES[name]
    }
}

static TABLES: LazyLock<BTreeMap<String, Object>> = LazyLock::new(|| {
    let tables: BTreeMap<String, Lines> =
        serde_json::from_str(include_str!("data/log-analytics.json")).expect("the embedded tables are valid");
    tables
        .into_iter()
        .map(|(name, lines)| (name, object(lines)))
        .collect()
});

#[derive(Debug, Deserialize)]
struct Lines {
    columns: BTreeMap<String, String>,
    unconfirmed_columns: Vec<String>,
}

fn object(lines: Lines) -> Object {
    let confirmed = lines
        .columns
        .into_iter()
        .map(|(name, column_type)| (name, field(&column_type)));
    let unconfirmed = lines.unconfirmed_columns.into_iter();
    let unconfirmed = unconfirmed.map(|name| (name, Field::new(Type::Anything, Shape::Either)));
    Object {
        members: unconfirmed.chain(confirmed).collect(),
        ..Object::default()
    }
}

fn field(column_type: &str) -> Field {
    let value_type = match column_type {
        "string" => Type::Text,
        "int" | "long" => Type::Whole,
        "real" => Type::Number,
        "bool" => Type::Boolean,
        "datetime" => Type::Date,
        _ => Type::Anything,
    };
    let shape = match value_type {
        Type::Anything => Shape::Either,
        _ => Shape::One,
    };
    let mut field = Field::new(value_type, shape);
    if column_type == "int" {
        field.range = Some((i64::from(i32::MIN), i64::from(i32::MAX)));
    }
    field
}
