//! JSON against a list of fields: names, shapes, types and closed sets of values.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::super::field::{Field, Members, Object, Shape, Type};
use super::super::{Schema, ecs};
use crate::map::time;

pub(super) fn check(schema: Schema, root: &'static Object, own: &[String], document: &Value) -> Vec<String> {
    let mut check = Check {
        title: schema.title(),
        own,
        problems: Vec::new(),
    };
    if let Value::Object(members) = document {
        check.object(root, "", members);
    }
    let mut problems = check.problems;
    if schema == Schema::Ecs {
        event_types(document, &mut problems);
    }
    problems
}

/// Whether `name` is, or stands below, one of `own`.
pub(super) fn is_own(own: &[String], name: &str) -> bool {
    own.iter().any(|own| {
        name.strip_prefix(own.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// A dotted name below another.
pub(super) fn below(parent: &str, name: &str) -> String {
    match parent {
        "" => name.to_owned(),
        _ => format!("{parent}.{name}"),
    }
}

struct Check<'o> {
    title: &'static str,
    own: &'o [String],
    problems: Vec<String>,
}

impl Check<'_> {
    fn object(&mut self, object: &'static Object, parent: &str, members: &Map<String, Value>) {
        for (name, value) in members {
            let full = below(parent, name);
            if is_own(self.own, &full) {
                continue;
            }
            match object.members.get(name) {
                Some(field) => self.field(field, &full, value),
                // An own prefix may have several parts; those before the last are no fields either.
                None if self.leads_to_own(&full) => self.own_parent(&full, value),
                None => self
                    .problems
                    .push(format!("`{full}` is not a field of {}", self.title)),
            }
        }
    }

    fn leads_to_own(&self, name: &str) -> bool {
        let prefix = format!("{name}.");
        self.own.iter().any(|own| own.starts_with(&prefix))
    }

    fn own_parent(&mut self, name: &str, value: &Value) {
        for (member, value) in value.as_object().into_iter().flatten() {
            let full = below(name, member);
            match (is_own(self.own, &full), self.leads_to_own(&full)) {
                (true, _) => {}
                (false, true) => self.own_parent(&full, value),
                (false, false) => self
                    .problems
                    .push(format!("`{full}` is not a field of {}", self.title)),
            }
        }
    }

    fn field(&mut self, field: &'static Field, name: &str, value: &Value) {
        match (field.shape, value) {
            (Shape::One, Value::Array(_)) => {
                self.problems
                    .push(format!("`{name}` is a list and wants a single value"));
            }
            (Shape::List, value) if !value.is_array() => {
                self.problems
                    .push(format!("`{name}` is a single value and wants a list"));
            }
            (_, Value::Array(elements)) if field.value_type != Type::Anything => {
                elements
                    .iter()
                    .for_each(|element| self.value(field, name, element));
            }
            _ => self.value(field, name, value),
        }
    }

    fn value(&mut self, field: &'static Field, name: &str, value: &Value) {
        if let (Members::Of(object), Value::Object(members)) = (&field.members, value) {
            return self.object(object, name, members);
        }
        if let Some(wanted) = mismatch(field, value) {
            self.problems.push(format!("`{name}` wants {wanted}"));
            return;
        }
        if let (false, Some(text)) = (field.allowed.is_empty(), value.as_str())
            && !field.allowed.iter().any(|allowed| allowed.value == text)
        {
            self.problems.push(format!("`{text}` is not a value of `{name}`"));
        }
    }
}

/// What a field wants instead of this value.
fn mismatch(field: &Field, value: &Value) -> Option<String> {
    let text = value.as_str();
    let (is_fitting, wanted) = match field.value_type {
        Type::Text => (text.is_some(), "text"),
        Type::Whole | Type::Moment => (value.is_i64() || value.is_u64(), "a whole number"),
        Type::Number => (value.is_number(), "a number"),
        Type::Boolean => (value.is_boolean(), "a truth value"),
        Type::Date => (text.is_some_and(|text| time::parse(text).is_some()), "a date"),
        Type::Ip | Type::Ipv4 | Type::Ipv6 => (
            text.is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            "an IP address",
        ),
        Type::Mac => (text.is_some(), "text"),
        Type::Scalar => (
            !value.is_object() && !value.is_array() && !value.is_null(),
            "a text, a number or a truth value",
        ),
        Type::Object => (value.is_object(), "an object"),
        Type::Anything => (true, ""),
    };
    let in_range =
        |(from, to): (i64, i64)| value.as_i64().is_some_and(|number| (from..=to).contains(&number));
    match (is_fitting, field.range) {
        (false, _) => Some(wanted.to_owned()),
        (true, Some((from, to))) if !in_range((from, to)) => Some(format!("a number from {from} to {to}")),
        _ => None,
    }
}

/// Every type must fit one of the event's categories.
fn event_types(document: &Value, problems: &mut Vec<String>) {
    let texts = |name: &str| -> Vec<String> {
        let values = document["event"][name].as_array().into_iter().flatten();
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let (categories, types) = (texts("category"), texts("type"));
    if categories.is_empty() {
        return;
    }
    let fitting = ecs::types_of_categories();
    for kind in types {
        let fits = |category: &String| fitting.get(category).is_none_or(|types| types.contains(&kind));
        if !categories.iter().any(fits) {
            problems.push(format!(
                "`event.type` {kind} fits none of the categories {}",
                categories.join(", ")
            ));
        }
    }
}
