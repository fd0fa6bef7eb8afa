//! One Defender object decoded from an event.

use std::borrow::Cow;
use std::ops::Range;

use super::{Event, EventId, Hub, Kind, Timestamp};
use crate::decode::json::Value;

/// One record. It borrows the event within one synchronous decode, route and map call, never across a channel.
#[derive(Debug)]
pub struct Record<'e> {
    /// The hub it came from.
    pub hub: &'e Hub,
    /// The event it came in.
    pub event: &'e Event,
    /// What it is.
    pub kind: Kind,
    /// Position in its event, from 0.
    pub index: u32,
    /// Where its own bytes stand in the event's body, as received.
    pub range: Range<usize>,
    /// The parsed record. Alerts in REST shape have wire names here; a partner's secret is taken out.
    pub document: Value<'e>,
    /// Whether `document` lacks something the bytes contain (a partner's secret), so that the bytes must not be forwarded.
    pub is_redacted: bool,
    /// Item key: `SystemAlertId`, else the lower-case `id`.
    pub key: Option<Cow<'e, str>>,
    /// Identity of this delivery of the record.
    pub event_id: EventId,
    /// Event time, fallbacks included.
    pub time: Timestamp,
    /// `Insert`, `Delete`, `Write` or what the exporter may write next; absent in alerts.
    pub action: Option<Cow<'e, str>>,
    /// Whether the weekly snapshot sent it. Absent means streaming.
    pub is_snapshot: bool,
}

impl<'e> Record<'e> {
    /// The record's own bytes, as received.
    pub fn bytes(&self) -> &'e [u8] {
        &self.event.body[self.range.clone()]
    }

    /// Appends the record as one line of JSON: its own bytes with raw line breaks replaced by blanks, which can only
    /// stand between its tokens; a redacted record is written anew without the secret. `null` for an undecodable one.
    pub fn write_original(&self, output: &mut Vec<u8>) {
        crate::decode::original::write(self, output);
    }

    /// Whether the action says that the item is gone.
    pub fn is_delete(&self) -> bool {
        self.action
            .as_deref()
            .is_some_and(|action| action.eq_ignore_ascii_case("delete"))
    }

    /// The value of `$record.<field>`, computed when asked for; `None` where the record has none.
    pub fn field(&self, field: RecordField) -> Option<Value<'_>> {
        crate::decode::field::value(self, field)
    }
}

/// What `$record.*` offers to routes and maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordField {
    /// [`Kind`] as text.
    Kind,
    /// Position of the record in its event.
    Index,
    /// Item key.
    Key,
    /// [`EventId`] as 32 hexadecimal digits.
    EventId,
    /// Event time as RFC 3339 with milliseconds.
    Time,
    /// Action of the enrichment block.
    Action,
    /// Whether the weekly snapshot sent it.
    IsSnapshot,
    /// Severity as the source writes it, never lowered because the item became healthy.
    Severity,
    /// Alert `Status`, posture `status.code`, compliance `state`.
    Status,
    /// Subscription id, lower case.
    Subscription,
    /// Tenant id.
    Tenant,
    /// Id of the resource the record is about.
    ResourceId,
    /// Resource group of that resource.
    ResourceGroup,
    /// Type of that resource, `provider/type`.
    ResourceType,
    /// Display name.
    Name,
    /// Recommendation GUID: an assessment's own, a finding's parent, a compliance assessment's `name`.
    Recommendation,
    /// Compliance standard, from the id.
    Standard,
    /// Compliance control, from the id.
    Control,
    /// `score.percentage`, a ratio from 0 to 1.
    Score,
    /// Risk level of an attack path.
    RiskLevel,
    /// Hash of the canonical body without enrichment and without a finding's `timeGenerated`.
    State,
}

impl RecordField {
    /// All fields with their names, in the order of the documentation.
    pub const ALL: [(&'static str, RecordField); 21] = [
        ("kind", RecordField::Kind),
        ("index", RecordField::Index),
        ("key", RecordField::Key),
        ("event_id", RecordField::EventId),
        ("time", RecordField::Time),
        ("action", RecordField::Action),
        ("is_snapshot", RecordField::IsSnapshot),
        ("severity", RecordField::Severity),
        ("status", RecordField::Status),
        ("subscription", RecordField::Subscription),
        ("tenant", RecordField::Tenant),
        ("resource_id", RecordField::ResourceId),
        ("resource_group", RecordField::ResourceGroup),
        ("resource_type", RecordField::ResourceType),
        ("name", RecordField::Name),
        ("recommendation", RecordField::Recommendation),
        ("standard", RecordField::Standard),
        ("control", RecordField::Control),
        ("score", RecordField::Score),
        ("risk_level", RecordField::RiskLevel),
        ("state", RecordField::State),
    ];

    /// The field called `name`.
    pub fn named(name: &str) -> Option<RecordField> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, field)| *field)
    }
}
