//! What the schema knows of a target field, and what it says where it knows nothing.

use std::ops::Range;

use super::Compiler;
use super::literal::Expected;
use crate::map::file::MappingFile;
use crate::map::schema::{Known, Object, Schema};

/// What the header says of targets.
#[derive(Debug)]
pub(super) struct Targets {
    pub schema: Schema,
    /// Prefixes of names outside the schema; for a text format whole names.
    pub own: Vec<String>,
}

impl Targets {
    /// Where nothing is checked.
    pub fn unchecked() -> Self {
        Self {
            schema: Schema::Unchecked,
            own: Vec::new(),
        }
    }

    pub fn of(file: &MappingFile) -> Self {
        Self {
            schema: file.schema,
            own: file.own.iter().map(|text| text.value.clone()).collect(),
        }
    }

    /// Whether a full dotted name is one of the map's own.
    pub fn is_own(&self, name: &str) -> bool {
        let is_text = self.schema.header().is_some();
        self.own.iter().any(|own| {
            name.strip_prefix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || (!is_text && rest.starts_with('.')))
        })
    }
}

impl Compiler<'_> {
    /// What the schema knows of a target of the whole map; an error if nothing.
    pub(super) fn known(&mut self, name: &str, span: &Range<usize>) -> Option<Known> {
        match self.targets.schema.root() {
            Some(_) if self.targets.is_own(name) => Some(Known::Anything),
            Some(root) => self.known_in(root, "", name, span),
            None => Some(Known::Anything),
        }
    }

    /// What the schema knows of a member of the object that is expected at a place; an error if nothing.
    pub(super) fn known_below(
        &mut self,
        expected: Expected<'_>,
        name: &str,
        span: &Range<usize>,
    ) -> Option<Known> {
        let object = expected.field().and_then(|field| field.object());
        match object {
            Some(_) if self.targets.is_own(&joined(expected.target, name)) => Some(Known::Anything),
            Some(object) => self.known_in(object, expected.target, name, span),
            None => Some(Known::Anything),
        }
    }

    fn known_in(
        &mut self,
        object: &'static Object,
        parent: &str,
        name: &str,
        span: &Range<usize>,
    ) -> Option<Known> {
        let known = object.find(name);
        let title = self.targets.schema.title();
        let full = joined(parent, name);
        let (message, help) = match known {
            Known::Field(_) | Known::Anything => return Some(known),
            Known::BelowList => (
                format!("`{full}` stands below a list in {title}"),
                "write the list with `each:` and `make: { object: … }`, or `list: [{ object: … }]`"
                    .to_owned(),
            ),
            Known::Nothing => {
                let own = match self.targets.schema.header() {
                    Some(_) => "keys of your own are listed in `own_keys`",
                    None => "fields of your own belong under a prefix listed in `own_prefixes`",
                };
                let help = match object.nearest(name) {
                    Some(near) => {
                        let (first, rest) = own.split_at(1);
                        format!("did you mean `{near}`? {}{rest}", first.to_uppercase())
                    }
                    None => own.to_owned(),
                };
                (format!("`{full}` is not a field of {title}"), help)
            }
        };
        self.error(
            "mapping::unknown_target",
            span.clone(),
            message,
            "written here",
            help,
        );
        None
    }
}

/// A dotted name below another.
pub(super) fn joined(parent: &str, name: &str) -> String {
    match parent {
        "" => name.to_owned(),
        _ => format!("{parent}.{name}"),
    }
}
