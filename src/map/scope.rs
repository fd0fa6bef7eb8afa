//! What routes and maps may ask about one record, computed at most once.

use std::cell::{Cell, OnceCell};

use super::item::Item;
use super::lookup::{Entities, Members};
use crate::decode::json::Value;
use crate::decode::references::References;
use crate::event::{Record, RecordField};

/// One record while it is routed and mapped; made once and shared by the routes and maps of all targets.
pub struct RecordContext<'e> {
    record: &'e Record<'e>,
    fields: [OnceCell<Option<Value<'e>>>; RecordField::ALL.len()],
    references: OnceCell<References<'e>>,
    is_walk_cut: Cell<bool>,
    members: OnceCell<Members<'e>>,
    entities: OnceCell<Entities<'e>>,
}

/// What `$hub.*` offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubField {
    /// Fully qualified name of the namespace.
    Namespace,
    /// Name of the hub.
    Name,
    /// Partition id.
    Partition,
    /// Number of the event in its partition.
    SequenceNumber,
    /// Offset of the event.
    Offset,
    /// When the hub took the event in.
    EnqueuedTime,
}

impl HubField {
    /// All fields with their names, in the order of the documentation.
    pub const ALL: [(&'static str, HubField); 6] = [
        ("namespace", HubField::Namespace),
        ("name", HubField::Name),
        ("partition", HubField::Partition),
        ("sequence_number", HubField::SequenceNumber),
        ("offset", HubField::Offset),
        ("enqueued_time", HubField::EnqueuedTime),
    ];

    /// The field called `name`.
    pub fn named(name: &str) -> Option<HubField> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, field)| *field)
    }
}

impl<'e> RecordContext<'e> {
    /// Prepares `record`; nothing is computed yet.
    pub fn new(record: &'e Record<'e>) -> Self {
        Self {
            record,
            fields: [const { OnceCell::new() }; RecordField::ALL.len()],
            references: OnceCell::new(),
            is_walk_cut: Cell::new(false),
            members: OnceCell::new(),
            entities: OnceCell::new(),
        }
    }

    /// The record itself.
    pub fn record(&self) -> &'e Record<'e> {
        self.record
    }

    /// The parsed record.
    pub fn document(&self) -> &'e Value<'e> {
        &self.record.document
    }

    /// A member of the record, by [`Value::get`]'s rules.
    pub fn member(&self, name: &str) -> Option<&'e Value<'e>> {
        self.members
            .get_or_init(|| Members::of(self.document()))
            .get(name)
    }

    /// The entities of an alert by their types; found when first asked for.
    pub fn entities(&self) -> &Entities<'e> {
        self.entities.get_or_init(|| Entities::of(self))
    }

    /// `$record.<field>`; `None` where the record has none.
    pub fn field<'s>(&'s self, field: RecordField) -> Option<Item<'s>> {
        if field == RecordField::Time {
            return Some(Item::Time(self.record.time));
        }
        let value = self.fields[field as usize].get_or_init(|| self.record.field(field));
        value.as_ref().and_then(Item::present)
    }

    /// `$hub.<field>`.
    pub fn hub<'s>(&'s self, field: HubField) -> Option<Item<'s>> {
        let (hub, event) = (self.record.hub, self.record.event);
        match field {
            HubField::Namespace => Item::text(&*hub.namespace),
            HubField::Name => Item::text(&*hub.name),
            HubField::Partition => Item::text(event.partition.as_str()),
            HubField::SequenceNumber => Some(Item::Integer(event.sequence_number.0)),
            HubField::Offset => Item::text(event.offset.as_str()),
            HubField::EnqueuedTime => Some(Item::Time(event.enqueued_time)),
        }
    }

    /// The objects of the record that others refer to; found when first asked for.
    pub fn references(&self) -> &References<'e> {
        self.references
            .get_or_init(|| References::of(&self.record.document))
    }

    /// Notes that a path led to more elements than anyone may look at.
    pub fn cut_walk(&self) {
        self.is_walk_cut.set(true);
    }

    /// Whether a path was cut since this was last asked.
    pub fn take_walk_cut(&self) -> bool {
        self.is_walk_cut.replace(false)
    }

    /// What `value` refers to, if it is a `{"$ref": …}` object; else `value` itself.
    pub fn resolve<'s>(&'s self, value: &'s Value<'s>) -> &'s Value<'s> {
        match value {
            Value::Object(members) if members.len() == 1 && members[0].0 == "$ref" => {
                self.references().resolve(value)
            }
            other => other,
        }
    }

    /// As [`Self::resolve`], for a value of the record itself.
    pub fn resolve_received(&self, value: &'e Value<'e>) -> &'e Value<'e> {
        match value {
            Value::Object(members) if members.len() == 1 && members[0].0 == "$ref" => {
                self.references().resolve(value)
            }
            other => other,
        }
    }
}
