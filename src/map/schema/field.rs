//! What every schema says of its fields, in one form.

use std::collections::BTreeMap;

use super::ocsf;
use crate::decode::json::Value;

/// One field of a schema.
#[derive(Debug)]
pub struct Field {
    /// Type of its values, or of its elements if it is a list.
    pub value_type: Type,
    /// Whether it holds one value or a list.
    pub shape: Shape,
    /// The only values allowed; empty if any are.
    pub allowed: Vec<Allowed>,
    /// Bytes a text may have.
    pub limit_bytes: Option<usize>,
    /// Smallest and largest number allowed.
    pub range: Option<(i64, i64)>,
    /// What may stand below it.
    pub members: Members,
    /// Key that carries its label, for the formats that have such.
    pub label: Option<String>,
}

/// A value of a closed set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The value as text.
    pub value: String,
    /// What the schema calls it; empty if it has no other name.
    pub caption: String,
}

/// Types of values, as far as the schemas distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// Whole number.
    Whole,
    /// Number.
    Number,
    /// Truth value.
    Boolean,
    /// Date as text.
    Date,
    /// Date as milliseconds since 1970.
    Moment,
    /// IPv4 or IPv6 address.
    Ip,
    /// IPv4 address.
    Ipv4,
    /// IPv6 address.
    Ipv6,
    /// Hardware address.
    Mac,
    /// Text, number or truth value.
    Scalar,
    /// Object.
    Object,
    /// Any value.
    Anything,
}

/// One value, or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A single value.
    One,
    /// A list.
    List,
    /// Either.
    Either,
}

/// What may stand below a field.
#[derive(Debug)]
pub enum Members {
    /// Nothing.
    None,
    /// Anything.
    Open,
    /// These.
    Of(Box<Object>),
    /// Those of the OCSF object of this name.
    Ocsf(String),
}

/// Fields that stand together.
#[derive(Debug, Default)]
pub struct Object {
    /// By their names.
    pub members: BTreeMap<String, Field>,
    /// Members without which it is not valid.
    pub required: Vec<String>,
    /// It needs all members of at least one of these; empty if it needs none.
    pub alternatives: Vec<Vec<String>>,
    /// Members that are made from others.
    pub twins: Vec<Twin>,
    /// Members that never change.
    pub constants: Vec<(&'static str, Value<'static>)>,
}

/// A member that follows from a numeric one.
#[derive(Debug)]
pub struct Twin {
    /// The numeric member.
    pub id: String,
    /// The member that follows.
    pub name: String,
    /// Whether it is a name of the number, which free text may replace where the number means "other".
    pub is_caption: bool,
    /// What follows from which number, by number.
    pub table: Vec<(i64, Value<'static>)>,
}

/// What a schema says of a name.
#[derive(Debug, Clone, Copy)]
pub enum Known {
    /// A field of the schema.
    Field(&'static Field),
    /// Any value is allowed there.
    Anything,
    /// A member of the elements of a list, which has to be written as a list of objects.
    BelowList,
    /// Not in the schema.
    Nothing,
}

impl Field {
    /// A field with this type and shape and no further rules.
    pub fn new(value_type: Type, shape: Shape) -> Self {
        Self {
            value_type,
            shape,
            allowed: Vec::new(),
            limit_bytes: None,
            range: None,
            members: match value_type {
                Type::Anything => Members::Open,
                _ => Members::None,
            },
            label: None,
        }
    }

    /// The fields below it, if they are known.
    pub fn object(&'static self) -> Option<&'static Object> {
        match &self.members {
            Members::None | Members::Open => None,
            Members::Of(object) => Some(object),
            Members::Ocsf(name) => Some(ocsf::object(name)),
        }
    }
}

impl Known {
    /// Whether the schema has a field of this name.
    pub fn is_field(self) -> bool {
        matches!(self, Known::Field(_))
    }
}

impl Allowed {
    /// A value that is its own name.
    pub fn text(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            caption: String::new(),
        }
    }
}

impl Twin {
    /// What follows from `number`.
    pub fn get(&self, number: i64) -> Option<&Value<'static>> {
        let index = self
            .table
            .binary_search_by_key(&number, |(known, _)| *known)
            .ok()?;
        Some(&self.table[index].1)
    }
}

impl Object {
    /// What stands at a dotted name below it.
    pub fn find(&'static self, name: &str) -> Known {
        let (first, rest) = match name.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        let Some(field) = self.members.get(first) else {
            return Known::Nothing;
        };
        let Some(rest) = rest else {
            return Known::Field(field);
        };
        match (&field.members, field.object()) {
            (_, Some(_)) if field.shape == Shape::List => Known::BelowList,
            (_, Some(object)) => object.find(rest),
            (Members::Open, None) => Known::Anything,
            _ => Known::Nothing,
        }
    }

    /// The dotted name below it that is nearest to one that is not there.
    pub fn nearest(&'static self, name: &str) -> Option<String> {
        let (first, rest) = match name.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        let names = || self.members.keys().map(String::as_str);
        let near = match self.members.contains_key(first) {
            true => first,
            false => crate::config::diagnostic::nearest(first, names())?,
        };
        let Some(rest) = rest else {
            return Some(near.to_owned());
        };
        let below = self.members[near].object()?;
        let rest = match below.find(rest) {
            Known::Nothing => below.nearest(rest)?,
            _ => rest.to_owned(),
        };
        Some(format!("{near}.{rest}"))
    }
}
