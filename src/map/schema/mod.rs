//! The target schemas that maps are checked against at load, and the output of maps where that is asked for.
//!
//! Every family is one file that brings its fact table (`data/`) into the common form of [`field`].

pub mod field;
pub mod ecs;
pub mod ocsf;
pub mod cim;
pub mod log_analytics;
pub mod cef;
pub mod leef;
pub mod validate;

pub use field::{Field, Known, Object, Shape, Type};
pub use validate::validate;

use super::encode::Output;

/// A schema a map can name in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// No schema: nothing is checked.
    Unchecked,
    /// Elastic Common Schema 9.4.0.
    Ecs,
    /// A class of the Open Cybersecurity Schema Framework 1.8.0.
    Ocsf(ocsf::Class),
    /// A data model of Splunk's Common Information Model.
    Cim(cim::Model),
    /// A table of a Log Analytics workspace.
    LogAnalytics(log_analytics::Table),
    /// Common Event Format, document version 27.
    Cef,
    /// Log Event Extended Format 2.0.
    Leef,
}

/// Every schema by the name it has in a header.
const ALL: [(&str, Schema); 16] = {
    use cim::Model;
    use log_analytics::Table;
    use ocsf::Class;
    [
        ("ecs-9.4.0", Schema::Ecs),
        ("ocsf-1.8.0/detection_finding", Schema::Ocsf(Class::Detection)),
        (
            "ocsf-1.8.0/vulnerability_finding",
            Schema::Ocsf(Class::Vulnerability),
        ),
        ("ocsf-1.8.0/compliance_finding", Schema::Ocsf(Class::Compliance)),
        ("ocsf-1.8.0/incident_finding", Schema::Ocsf(Class::Incident)),
        ("cim/Alerts", Schema::Cim(Model::Alerts)),
        ("cim/Vulnerabilities", Schema::Cim(Model::Vulnerabilities)),
        ("cef-27", Schema::Cef),
        ("leef-2.0", Schema::Leef),
        (
            "log-analytics/SecurityAlert",
            Schema::LogAnalytics(Table::SecurityAlert),
        ),
        (
            "log-analytics/SecurityRecommendation",
            Schema::LogAnalytics(Table::SecurityRecommendation),
        ),
        (
            "log-analytics/SecurityNestedRecommendation",
            Schema::LogAnalytics(Table::SecurityNestedRecommendation),
        ),
        (
            "log-analytics/SecureScores",
            Schema::LogAnalytics(Table::SecureScores),
        ),
        (
            "log-analytics/SecureScoreControls",
            Schema::LogAnalytics(Table::SecureScoreControls),
        ),
        (
            "log-analytics/SecurityRegulatoryCompliance",
            Schema::LogAnalytics(Table::SecurityRegulatoryCompliance),
        ),
        (
            "log-analytics/SecurityAttackPathData",
            Schema::LogAnalytics(Table::SecurityAttackPathData),
        ),
    ]
};

impl Schema {
    /// Names for the header.
    pub const NAMES: &'static [&'static str] = &{
        let mut names = [""; ALL.len()];
        let mut index = 0;
        while index < ALL.len() {
            names[index] = ALL[index].0;
            index += 1;
        }
        names
    };

    /// The schema called `name`.
    pub fn named(name: &str) -> Option<Schema> {
        ALL.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, schema)| *schema)
    }

    /// How messages call it.
    pub fn title(self) -> &'static str {
        match self {
            Schema::Unchecked => "no schema",
            Schema::Ecs => "ECS 9.4.0",
            Schema::Ocsf(class) => class.title(),
            Schema::Cim(model) => model.title(),
            Schema::LogAnalytics(table) => table.title(),
            Schema::Cef => "CEF",
            Schema::Leef => "LEEF 2.0",
        }
    }

    /// The output that fits it; `None` if any does.
    pub fn output(self) -> Option<Output> {
        match self {
            Schema::Unchecked => None,
            Schema::Cef => Some(Output::Cef),
            Schema::Leef => Some(Output::Leef),
            _ => Some(Output::Json),
        }
    }

    /// Its fields; `None` if nothing is checked.
    pub fn root(self) -> Option<&'static Object> {
        match self {
            Schema::Unchecked => None,
            Schema::Ecs => Some(&ecs::ROOT),
            Schema::Ocsf(class) => Some(class.root()),
            Schema::Cim(model) => Some(model.root()),
            Schema::LogAnalytics(table) => Some(table.root()),
            Schema::Cef => Some(&cef::KEYS),
            Schema::Leef => Some(&leef::ATTRIBUTES),
        }
    }

    /// The fields of the header of a text format; `None` for the others.
    pub fn header(self) -> Option<&'static Object> {
        match self {
            Schema::Cef => Some(&cef::HEADER),
            Schema::Leef => Some(&leef::HEADER),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
