//! `keep_if`: an object is left out unless one of its keys is present.

use super::Compiler;
use crate::config::diagnostic::{Diagnostic, nearest};
use crate::map::expression::{Expression, MemberContent, Structure};
use crate::map::file::{KeepIf, MappingFile, Text};

impl Compiler<'_> {
    /// Marks the objects that the header names. Call it once all fields are in place.
    pub(super) fn keep_if(&mut self, fields: &mut Structure, file: &MappingFile) {
        for entry in &file.keep_if {
            if entry.keys.is_empty() {
                self.error(
                    "mapping::missing_value",
                    entry.path.span.clone(),
                    format!("`{}` has no key to be kept for", entry.path.value),
                    "here",
                    "write `object: [key]`",
                );
                continue;
            }
            self.check_kept(entry, &file.required);
            let parts: Vec<&str> = entry.path.value.split('.').collect();
            let mut objects = Vec::new();
            below(fields, &parts, &mut objects);
            if objects.iter().any(|object| holds_rest(object)) {
                self.error(
                    "mapping::invalid_value",
                    entry.path.span.clone(),
                    format!(
                        "`{}` holds what the map does not take, which must not be left out",
                        entry.path.value
                    ),
                    "always kept",
                    "keep leftovers and the raw record under another field",
                );
                continue;
            }
            self.warn_unwritten(entry, &objects);
            for object in objects {
                object.keep_if = entry.keys.iter().map(|key| key.value.as_str().into()).collect();
            }
        }
    }

    /// A required field must not be left out with the object it stands in.
    fn check_kept(&mut self, entry: &KeepIf, required: &[Text]) {
        for field in required {
            let inner = field.value.strip_prefix(&*entry.path.value);
            let Some(inner) = inner.and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            let key = inner.split('.').next().unwrap_or_default();
            if !entry.keys.iter().any(|known| known.value == key) {
                let message = format!(
                    "`{}` is required and may be left out with `{}`",
                    field.value, entry.path.value
                );
                let help = format!("add `{key}` to the keys that keep it");
                self.error(
                    "mapping::invalid_value",
                    entry.path.span.clone(),
                    message,
                    "may be left out",
                    help,
                );
            }
        }
    }

    fn warn_unwritten(&mut self, entry: &KeepIf, objects: &[&mut Structure]) {
        if objects.is_empty() {
            let message = format!("`{}` is no object that the map writes", entry.path.value);
            let help = "name an object that stands above fields of this map, or delete the line";
            self.unused(&entry.path, message, help.to_owned());
            return;
        }
        let names: Vec<&str> = objects
            .iter()
            .flat_map(|object| object.members.iter().map(|member| &*member.name))
            .collect();
        for key in entry
            .keys
            .iter()
            .filter(|key| !names.contains(&key.value.as_str()))
        {
            let message = format!("no `{}` of `{}` is ever written", key.value, entry.path.value);
            let help = match nearest(&key.value, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name a key that the map writes there".to_owned(),
            };
            self.unused(key, message, help);
        }
    }

    fn unused(&mut self, text: &Text, message: String, help: String) {
        self.diagnostics.push(
            Diagnostic::new("mapping::unused_keep_if", message)
                .at(&self.file, text.span.clone(), "never there")
                .help(help)
                .warning(),
        );
    }
}

/// The objects that stand at a dotted path, those in lists too.
fn below<'f>(structure: &'f mut Structure, parts: &[&str], found: &mut Vec<&'f mut Structure>) {
    let Some((first, rest)) = parts.split_first() else {
        found.push(structure);
        return;
    };
    let members = structure.members.iter_mut();
    for member in members.filter(|member| &*member.name == *first) {
        match &mut member.content {
            MemberContent::Structure(inner) => below(inner, rest, found),
            MemberContent::Field(field) => inside(&mut field.expression, rest, found),
            MemberContent::Generated(_) | MemberContent::Raw | MemberContent::Label(_) => {}
        }
    }
}

/// The same for the objects that a value can give.
fn inside<'f>(expression: &'f mut Expression, parts: &[&str], found: &mut Vec<&'f mut Structure>) {
    match expression {
        Expression::Object(structure) => below(structure, parts, found),
        Expression::FirstOf(values) | Expression::List(values) => {
            values.iter_mut().for_each(|value| inside(value, parts, found));
        }
        Expression::Cases { cases, otherwise } => {
            cases
                .iter_mut()
                .for_each(|(_, value)| inside(value, parts, found));
            if let Some(otherwise) = otherwise {
                inside(otherwise, parts, found);
            }
        }
        Expression::Each { make, .. } => inside(make, parts, found),
        Expression::Lookup { otherwise, .. } => {
            if let Some(otherwise) = otherwise {
                inside(otherwise, parts, found);
            }
        }
        Expression::Literal(_) | Expression::Pipe(_) | Expression::Text(_) => {}
    }
}

fn holds_rest(structure: &Structure) -> bool {
    structure.keeps_leftovers
        || structure.members.iter().any(|member| match &member.content {
            MemberContent::Structure(inner) => holds_rest(inner),
            MemberContent::Raw => true,
            MemberContent::Field(_) | MemberContent::Generated(_) | MemberContent::Label(_) => false,
        })
}
