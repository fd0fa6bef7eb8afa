//! What a schema demands and what follows from what a map writes: required members, fixed ones, names of numbers.

use std::ops::Range;

use super::fields::member;
use super::targets::joined;
use super::{Compiler, suggestion};
use crate::config::diagnostic::Diagnostic;
use crate::config::yaml::Node;
use crate::decode::json::Value;
use crate::map::expression::{Expression, Field, Generated, MemberContent, Structure};
use crate::map::file::MappingFile;
use crate::map::schema::field::Twin;
use crate::map::schema::{Object, ocsf};

impl Compiler<'_> {
    /// Completes the fields of the whole map.
    pub(super) fn complete(&mut self, fields: &mut Structure, file: &MappingFile) {
        let Some(root) = file.schema.root().filter(|_| !file.output.is_text()) else {
            return;
        };
        let place = |name: &str| {
            let entry = file
                .fields
                .iter()
                .find(|entry| name.is_empty() || is_at_or_below(&entry.key, name));
            entry.map_or(0..0, |entry| entry.key_span.clone())
        };
        self.complete_structure(fields, root, "", &place);
        self.check_profiles(fields, file);
    }

    /// Completes what `object:` gives.
    pub(super) fn complete_object(
        &mut self,
        structure: &mut Structure,
        object: &'static Object,
        target: &str,
        node: &Node,
    ) {
        let keys = node.as_mapping().unwrap_or_default();
        let place = |name: &str| {
            let below = name.strip_prefix(target).unwrap_or(name).trim_start_matches('.');
            let entry = keys
                .iter()
                .find(|entry| !below.is_empty() && is_at_or_below(&entry.key, below));
            entry.map_or_else(|| node.span.clone(), |entry| entry.key_span.clone())
        };
        self.complete_structure(structure, object, target, &place);
    }

    fn complete_structure(
        &mut self,
        structure: &mut Structure,
        object: &'static Object,
        target: &str,
        place: &dyn Fn(&str) -> Range<usize>,
    ) {
        for member in &mut structure.members {
            let below = object.members.get(&*member.name).and_then(|field| field.object());
            if let (MemberContent::Structure(inner), Some(below)) = (&mut member.content, below) {
                self.complete_structure(inner, below, &joined(target, &member.name), place);
            }
        }
        self.insert_constants(structure, object, target, place);
        for twin in &object.twins {
            self.insert_twin(structure, object, twin, target, place);
        }
        self.check_members(structure, object, target, place);
    }

    fn insert_constants(
        &mut self,
        structure: &mut Structure,
        object: &'static Object,
        target: &str,
        place: &dyn Fn(&str) -> Range<usize>,
    ) {
        for (index, (name, value)) in object.constants.iter().enumerate() {
            let written = structure.members.iter().position(|member| *member.name == **name);
            if let Some(position) = written {
                self.generated_by_hand(&joined(target, name), place, "the class that `schema` names");
                structure.members.remove(position);
            }
            let position = index.min(structure.members.len());
            structure
                .members
                .insert(position, member(name, literal(value.clone())));
        }
    }

    /// Puts what follows from a number behind it.
    fn insert_twin(
        &mut self,
        structure: &mut Structure,
        object: &'static Object,
        twin: &'static Twin,
        target: &str,
        place: &dyn Fn(&str) -> Range<usize>,
    ) {
        let is_id = |content: &MemberContent| matches!(content, MemberContent::Field(_));
        let position = structure.members.iter();
        let Some(position) = position
            .clone()
            .position(|member| *member.name == *twin.id && is_id(&member.content))
        else {
            return;
        };
        let may_be_other = match &structure.members[position].content {
            MemberContent::Field(field) => self.may_be(&field.expression, ocsf::OTHER),
            _ => true,
        };
        let written = structure
            .members
            .iter()
            .position(|member| *member.name == *twin.name);
        let own = written.and_then(|index| match structure.members.remove(index).content {
            MemberContent::Field(field) => Some(field),
            _ => None,
        });
        if own.is_some() && !(twin.is_caption && may_be_other) {
            self.generated_by_hand(&joined(target, &twin.name), place, &format!("`{}`", twin.id));
        }
        let own = own.filter(|_| twin.is_caption && may_be_other);
        let position = structure
            .members
            .iter()
            .position(|member| *member.name == *twin.id);
        let position = position.expect("the number was found above");
        let id = match &structure.members[position].content {
            MemberContent::Field(Field {
                expression: Expression::Literal(Value::Number(number)),
                ..
            }) => number.parse().ok(),
            _ => None,
        };
        let content = match (id.and_then(|id: i64| twin.get(id)), &own) {
            (Some(value), None) => literal(value.clone()),
            _ => MemberContent::Generated(Generated { twin, own }),
        };
        // Behind what already follows from the same number.
        let follows = |name: &str| {
            let mut twins = object.twins.iter();
            twins.any(|other| other.id == twin.id && *other.name == *name)
        };
        let others = structure.members[position + 1..]
            .iter()
            .take_while(|member| follows(&member.name));
        let position = position + 1 + others.count();
        structure.members.insert(position, member(&twin.name, content));
    }

    fn generated_by_hand(&mut self, name: &str, place: &dyn Fn(&str) -> Range<usize>, source: &str) {
        let message = format!("`{name}` is generated from {source}");
        let diagnostic = Diagnostic::new("mapping::generated_field", message)
            .at(&self.file, place(name), "this line is not used")
            .help("delete the line")
            .warning();
        self.diagnostics.push(diagnostic);
    }

    /// Whether a value can be this number, as far as the map alone can tell.
    fn may_be(&self, expression: &Expression, wanted: i64) -> bool {
        let is_wanted =
            |value: &Value<'_>| matches!(value, Value::Number(text) if text.parse() == Ok(wanted));
        match expression {
            Expression::Literal(value) => is_wanted(value),
            Expression::Lookup { table, otherwise, .. } => {
                let named = &self.tables[*table];
                named.table.values().any(is_wanted)
                    || otherwise
                        .as_deref()
                        .is_some_and(|value| self.may_be(value, wanted))
            }
            Expression::FirstOf(values) => values.iter().any(|value| self.may_be(value, wanted)),
            Expression::Cases { cases, otherwise } => {
                cases.iter().any(|(_, value)| self.may_be(value, wanted))
                    || otherwise
                        .as_deref()
                        .is_some_and(|value| self.may_be(value, wanted))
            }
            _ => true,
        }
    }

    /// Whether an object can be valid with the members it has.
    fn check_members(
        &mut self,
        structure: &Structure,
        object: &'static Object,
        target: &str,
        place: &dyn Fn(&str) -> Range<usize>,
    ) {
        let has = |name: &String| structure.members.iter().any(|member| *member.name == **name);
        let title = self.targets.schema.title();
        // What is generated is missing only if its number is, which is required as well.
        let is_generated = |name: &String| object.twins.iter().any(|twin| twin.name == *name);
        for name in object
            .required
            .iter()
            .filter(|name| !has(name) && !is_generated(name))
        {
            let message = format!(
                "`{}` is required by {title} and never written",
                joined(target, name)
            );
            let help = format!("give `{}` a line", joined(target, name));
            let span = place(target);
            self.error("mapping::missing_target", span, message, "in this object", help);
        }
        let is_met = object.alternatives.iter().any(|names| names.iter().all(has));
        if !object.alternatives.is_empty() && !is_met {
            let names: Vec<_> = object
                .alternatives
                .iter()
                .map(|names| names.join(" with "))
                .collect();
            let whole = if target.is_empty() { "the event" } else { target };
            let message = format!("`{whole}` needs one of `{}`", names.join("`, `"));
            let given = structure.members.first().map_or("", |member| &*member.name);
            let help = suggestion(given, names.iter().map(String::as_str), "any of");
            let span = place(target);
            self.error("mapping::missing_target", span, message, "in this object", help);
        }
    }

    /// A profile that is named in `metadata.profiles` brings an attribute that is then required.
    fn check_profiles(&mut self, fields: &Structure, file: &MappingFile) {
        let Some(entry) = file.fields.iter().find(|entry| entry.key == "metadata.profiles") else {
            return;
        };
        for profile in entry.value.as_sequence().unwrap_or_default() {
            let name = profile.as_text().unwrap_or_default();
            let is_demanding = matches!(name, "cloud" | "osint");
            if is_demanding && !fields.members.iter().any(|member| &*member.name == name) {
                let message =
                    format!("profile `{name}` requires the attribute `{name}`, which is never written");
                let help = "write it, or take the profile off the list";
                let span = profile.span.clone();
                self.error("mapping::missing_target", span, message, "this profile", help);
            }
        }
    }
}

/// Whether the dotted name `key` is `name` or stands below it.
fn is_at_or_below(key: &str, name: &str) -> bool {
    key.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn literal(value: Value<'static>) -> MemberContent {
    MemberContent::Field(Field {
        expression: Expression::Literal(value),
        is_list: false,
        required: None,
        text: None,
    })
}
