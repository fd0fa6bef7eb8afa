//! The target schemas that maps are checked against at load.

pub mod ecs;

/// A schema a map can name in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// No schema: nothing is checked.
    Unchecked,
    /// Elastic Common Schema 9.4.0.
    Ecs,
}

impl Schema {
    /// Names for the header.
    pub const NAMES: &'static [&'static str] = &["ecs-9.4.0"];

    /// The schema called `name`.
    pub fn named(name: &str) -> Option<Schema> {
        (name == "ecs-9.4.0").then_some(Schema::Ecs)
    }

    /// How messages call it.
    pub fn title(self) -> &'static str {
        match self {
            Schema::Unchecked => "no schema",
            Schema::Ecs => "ECS 9.4.0",
        }
    }

    /// What the schema says of a target field.
    pub fn field(self, name: &str) -> Known {
        match self {
            Schema::Unchecked => Known::Anything,
            Schema::Ecs => ecs::field(name),
        }
    }

    /// Names of all fields, for suggestions.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Schema::Unchecked => Vec::new(),
            Schema::Ecs => ecs::FIELDS.keys().map(String::as_str).collect(),
        }
    }
}

/// What a schema says of a name.
#[derive(Debug, Clone, Copy)]
pub enum Known {
    /// A field of the schema.
    Field(&'static ecs::Field),
    /// Any value is allowed there.
    Anything,
    /// Not in the schema.
    Nothing,
}
