//! One entry of the `targets` section as written. A further target kind is one more field here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::yaml::Spanned;
use crate::deliver::rate::Rate;
use crate::deliver::{azure_monitor, elasticsearch, file, http, kafka, relp, splunk_hec, syslog};
use crate::route::ten_thousandths::ScoreChange;

/// One destination: exactly one target kind, and what it wants.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Splunk HTTP Event Collector.
    pub splunk_hec: Option<splunk_hec::config::SplunkHec>,
    /// Any address that takes records by HTTP, such as a webhook.
    pub http: Option<http::config::Http>,
    /// Elasticsearch or OpenSearch.
    pub elasticsearch: Option<elasticsearch::config::Elasticsearch>,
    /// Custom tables of a Log Analytics workspace, such as those of Microsoft Sentinel.
    pub azure_monitor: Option<azure_monitor::config::AzureMonitor>,
    /// A receiver of syslog, such as rsyslog, syslog-ng, QRadar or the agent of Microsoft Sentinel.
    pub syslog: Option<syslog::config::Syslog>,
    /// Syslog over RELP, where the receiver answers every line.
    pub relp: Option<relp::config::Relp>,
    /// Apache Kafka.
    pub kafka: Option<kafka::Kafka>,
    /// JSON lines in a file or on standard output.
    pub file: Option<file::config::Settings>,
    /// Name of the mapping set that renders the records, such as `ecs` or `native`.
    pub mapping: Spanned<String>,
    /// Which records it wants: a condition over `$record.*` and record paths. Without one: every record.
    pub route: Option<Route>,
    /// What it gets of the weekly snapshots.
    #[serde(default)]
    pub snapshots: Snapshots,
    /// With `snapshots: changes_only`: a snapshot of a secure score or of a control is suppressed while its percentage, a
    /// ratio from 0 to 1, differs by less than this from the last delivered one. Numbers that move with the score (current
    /// points, weight, counts of resources) do not count then; any other change does. Without it every change counts.
    pub score_change_at_least: Option<Spanned<ScoreChange>>,
    /// What happens to a record the map cannot render.
    #[serde(default)]
    pub on_map_error: OnMapError,
    /// The most records it gets in a time; what comes faster, such as a weekly snapshot, waits in the window and in the hub.
    pub rate: Option<Spanned<Rate>>,
    /// Gives the target up: nothing is sent to it, and each of its records goes to the dead letters (reason `given_up`), so
    /// that it no longer holds back those it shares a consumer group with.
    #[serde(default)]
    pub given_up: bool,
    /// A consumer group of its own: this target then never waits for another, and has its own checkpoints.
    pub consumer_group: Option<Spanned<String>>,
}

/// What a target gets of the weekly snapshots.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Snapshots {
    /// All of them, marked as such.
    #[default]
    Pass,
    /// None; a counter says how many.
    Drop,
    /// Those that differ from what this target last delivered, from the stream or from a snapshot. See `state`.
    ChangesOnly,
}

/// What happens to a record the map cannot render.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMapError {
    /// It goes to the dead letters.
    #[default]
    DeadLetter,
    /// It is sent in the form of the set `native`.
    Native,
}

/// A condition. It is compiled from the file's tree, where every path and operator knows its place.
#[derive(Debug, Clone, Copy)]
pub struct Route;

impl<'de> Deserialize<'de> for Route {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Route)
    }
}

impl JsonSchema for Route {
    fn schema_name() -> Cow<'static, str> {
        "Route".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A condition: every entry must hold. Keys are paths such as `$record.kind`, or `any` and `not`; values are a text, a list of which any may match, or one operator.",
        })
    }
}
