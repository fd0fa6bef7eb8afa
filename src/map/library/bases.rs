//! Which map an `extends` means, and whole maps made of it.

use std::collections::BTreeMap;

use crate::config::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::map::file::merge::merge;
use crate::map::file::{MappingFile, Text, Written};

/// Maps that build on each other in a row; a person can follow no more, and texts are joined at every step.
const MAX_CHAIN: usize = 8;

/// Where a map comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Embedded,
    Directory,
}

/// The maps as written, by name; a file whose name cannot be used stands under its path.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub embedded: BTreeMap<String, Written>,
    pub directory: BTreeMap<String, Written>,
}

impl Sources {
    /// A map with everything it takes from the maps it extends; `None` if one of them cannot be used.
    pub fn whole(&self, origin: Origin, name: &str, diagnostics: &mut Diagnostics) -> Option<Written> {
        self.extended(&mut vec![(origin, name)], diagnostics)
    }

    /// The last map of `chain`, which is extended by those before it.
    fn extended<'n>(
        &'n self,
        chain: &mut Vec<(Origin, &'n str)>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Written> {
        let (origin, name) = *chain.last()?;
        let written = self.of(origin).get(name)?;
        if written.node.get("extends").is_none() {
            return Some(written.clone());
        }
        let Some(extends) = written.extends() else {
            // No text: the header says so.
            return Some(written.clone());
        };
        let base = match self.base(origin, name, &extends) {
            Ok(base) => base,
            Err(help) => {
                let message = format!("there is no map `{}` to extend", extends.value);
                let diagnostic = Diagnostic::new("mapping::unknown_base", message)
                    .at(&written.source, extends.span, "no such map")
                    .help(help);
                diagnostics.push(diagnostic);
                return None;
            }
        };
        let is_circle = chain.contains(&base);
        chain.push(base);
        if is_circle || chain.len() > MAX_CHAIN {
            diagnostics.push(circle(written, &extends, chain, is_circle));
            return None;
        }
        let base = self.extended(chain, diagnostics)?;
        Some(merge(written.clone(), &base, diagnostics))
    }

    /// The map that `extends` of `name` means: the embedded one of the same name, or another, own ones first.
    fn base(&self, origin: Origin, name: &str, extends: &Text) -> Result<(Origin, &str), String> {
        let wanted = extends.value.as_str();
        let own = self.directory.get_key_value(wanted);
        if origin == Origin::Directory
            && wanted != name
            && let Some((name, _)) = own
        {
            return Ok((Origin::Directory, name));
        }
        if let Some((name, _)) = self.embedded.get_key_value(wanted) {
            return Ok((Origin::Embedded, name));
        }
        if wanted == name {
            return Err(
                "a map that extends its own name means the embedded one, and none has this name".into(),
            );
        }
        let names = self.embedded.keys().chain(self.directory.keys());
        let names = names.map(String::as_str).filter(|known| *known != name);
        Err(match nearest(wanted, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`mappings list` names the maps that there are".to_owned(),
        })
    }

    fn of(&self, origin: Origin) -> &BTreeMap<String, Written> {
        match origin {
            Origin::Embedded => &self.embedded,
            Origin::Directory => &self.directory,
        }
    }
}

fn circle(written: &Written, extends: &Text, chain: &[(Origin, &str)], is_circle: bool) -> Diagnostic {
    let names: Vec<_> = chain.iter().map(|(_, name)| *name).collect();
    let names = names.join(" → ");
    let (message, label) = match is_circle {
        true => (
            format!("maps extend each other in a circle: {names}"),
            "closes the circle",
        ),
        false => (
            format!("more than {MAX_CHAIN} maps extend each other: {names}"),
            "one too many",
        ),
    };
    Diagnostic::new("mapping::circular_base", message)
        .at(&written.source, extends.span.clone(), label)
        .help("extend a map that does not build on this one, directly if it can be")
}

/// What compiling a merged map found, as its author should see it: at the place in the right file, without warnings
/// about inherited parts, which are the base's own affair, and with the fields a schema lacks named together.
pub(super) fn seen(written: &Written, file: &MappingFile, found: Diagnostics) -> Vec<Diagnostic> {
    let is_inherited = |problem: &Diagnostic| {
        let span = problem.span.as_ref();
        span.is_some_and(|span| written.is_inherited(span))
    };
    let is_own_schema = written
        .text("schema")
        .filter(|schema| !written.is_inherited(&schema.span));
    let mut lacking = Vec::new();
    let mut problems = Vec::new();
    for problem in found.0 {
        if is_inherited(&problem) {
            if problem.is_warning {
                continue;
            }
            if let (true, Some(name)) = (is_own_schema.is_some(), inherited_target(&problem, file)) {
                lacking.push(name);
                continue;
            }
        }
        problems.push(written.relocate(problem));
    }
    if let (Some(schema), false) = (is_own_schema, lacking.is_empty()) {
        let names = lacking.join(", ");
        let message = format!("inherited fields are not in {}: {names}", file.schema.title());
        let problem = Diagnostic::new("mapping::inherited_target", message)
            .at(&written.source, schema.span, "this schema lacks them")
            .help(format!("add `remove: [{names}]`"));
        problems.insert(0, written.relocate(problem));
    }
    problems
}

/// The inherited field a problem says the schema lacks.
fn inherited_target(problem: &Diagnostic, file: &MappingFile) -> Option<String> {
    let span = problem.span.as_ref()?;
    let field = file.fields.iter().find(|entry| entry.key_span == *span)?;
    (problem.code == "mapping::unknown_target").then(|| field.key.clone())
}
