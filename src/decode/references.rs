//! Object references inside an alert: `{"$ref": "5"}` stands for the object whose `$id` is `5`, anywhere in the alert.
//!
//! Input may repeat ids, point nowhere or in circles; nothing here fails on that.

use super::json::{Value, write_string, write_value};

/// References that are followed one after another, and replaced one inside another.
const MAX_REFERENCE_DEPTH: usize = 8;

/// Bytes of output after which no more references are replaced: a few objects that name one another many times would
/// otherwise multiply at each level.
const MAX_EXPANSION_BYTES: usize = 256 * 1024;

/// The objects of one document by their `$id`.
#[derive(Debug, Default)]
pub struct References<'d> {
    /// By id, each id once; empty if the document refers to nothing. A sorted list is cheaper to fill than a map, and
    /// no choice of ids makes it slow.
    objects: Vec<(&'d str, &'d Value<'d>)>,
}

impl<'d> References<'d> {
    /// Finds the objects of a document that references may mean.
    ///
    /// Order: of equal ids the first counts, and one among the `Entities` counts before one elsewhere, because what
    /// refers is an entity.
    pub fn of(document: &'d Value<'d>) -> Self {
        let mut found = Found::default();
        let entities = document.get("Entities");
        entities
            .into_iter()
            .for_each(|entities| found.add(entities, None));
        found.add(document, entities);
        if !found.has_reference {
            return References::default();
        }
        let mut objects = found.objects;
        objects.sort_by_key(|(id, _)| *id);
        objects.dedup_by_key(|(id, _)| *id);
        References { objects }
    }

    /// The object that `value` refers to, over as many as eight references; `value` itself if it is no reference, or
    /// leads nowhere.
    pub fn resolve(&self, value: &'d Value<'d>) -> &'d Value<'d> {
        let mut current = value;
        for _ in 0..MAX_REFERENCE_DEPTH {
            let Some(id) = reference(current) else {
                return current;
            };
            let Ok(index) = self.objects.binary_search_by_key(&id, |(known, _)| known) else {
                return value;
            };
            current = self.objects[index].1;
        }
        value
    }

    /// Appends `value` with references replaced by what they mean, and without `$id`, `$ref` and `$type`.
    ///
    /// A reference that leads nowhere, back into an object that is being written, or deeper than eight replacements
    /// is left out, and so is each after 256 KiB of output.
    pub fn write_resolved(&self, output: &mut Vec<u8>, value: &'d Value<'d>) {
        let mut writer = Writer {
            references: self,
            start: output.len(),
            open: Vec::new(),
            depth: 0,
        };
        match writer.target(output, value) {
            Some(target) => writer.write(output, value, target),
            None => output.extend_from_slice(b"null"),
        }
    }
}

/// What one walk over a document finds.
#[derive(Default)]
struct Found<'d> {
    /// Objects with an id, in the order in which they count.
    objects: Vec<(&'d str, &'d Value<'d>)>,
    has_reference: bool,
}

impl<'d> Found<'d> {
    /// Adds the objects in `value`, but for those in `seen`, which were added before.
    fn add(&mut self, value: &'d Value<'d>, seen: Option<&Value<'d>>) {
        if seen.is_some_and(|seen| std::ptr::eq(seen, value)) {
            return;
        }
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.add(element, seen)),
            Value::Object(members) => {
                let mut id = None;
                let mut is_reference = false;
                for (name, member) in members {
                    match &**name {
                        "$ref" => {
                            self.has_reference = true;
                            is_reference |= as_identifier(member).is_some();
                        }
                        "$id" if id.is_none() => id = Some(member),
                        _ => {}
                    }
                }
                if let Some(id) = id.and_then(as_identifier).filter(|_| !is_reference) {
                    self.objects.push((id, value));
                }
                members.iter().for_each(|(_, member)| self.add(member, seen));
            }
            _ => {}
        }
    }
}

struct Writer<'w, 'd> {
    references: &'w References<'d>,
    start: usize,
    /// Objects with an `$id` around what is being written.
    open: Vec<&'d Value<'d>>,
    /// Replacements around what is being written.
    depth: usize,
}

impl<'d> Writer<'_, 'd> {
    /// What is written for `value`; `None` if it is left out.
    fn target(&self, output: &[u8], value: &'d Value<'d>) -> Option<&'d Value<'d>> {
        if reference(value).is_none() {
            return Some(value);
        }
        let object = self.references.resolve(value);
        let is_usable = reference(object).is_none()
            && self.depth < MAX_REFERENCE_DEPTH
            && output.len() - self.start < MAX_EXPANSION_BYTES
            && !self.open.iter().any(|open| std::ptr::eq(*open, object));
        is_usable.then_some(object)
    }

    /// Writes `target`, which stands for `value`.
    fn write(&mut self, output: &mut Vec<u8>, value: &'d Value<'d>, target: &'d Value<'d>) {
        let is_replaced = usize::from(!std::ptr::eq(target, value));
        self.depth += is_replaced;
        match target {
            Value::Array(elements) => self.write_elements(output, elements),
            Value::Object(_) => self.write_object(output, target),
            _ => write_value(output, target),
        }
        self.depth -= is_replaced;
    }

    fn write_elements(&mut self, output: &mut Vec<u8>, elements: &'d [Value<'d>]) {
        output.push(b'[');
        let mut is_first = true;
        for element in elements {
            if let Some(target) = self.target(output, element) {
                separate(output, &mut is_first);
                self.write(output, element, target);
            }
        }
        output.push(b']');
    }

    fn write_object(&mut self, output: &mut Vec<u8>, object: &'d Value<'d>) {
        let is_identified = identifier(object, "$id").is_some();
        if is_identified {
            self.open.push(object);
        }
        output.push(b'{');
        let mut is_first = true;
        for (name, value) in object.as_object().unwrap_or_default() {
            if matches!(name.as_ref(), "$id" | "$ref" | "$type") {
                continue;
            }
            if let Some(target) = self.target(output, value) {
                separate(output, &mut is_first);
                write_string(output, name);
                output.push(b':');
                self.write(output, value, target);
            }
        }
        output.push(b'}');
        if is_identified {
            self.open.pop();
        }
    }
}

fn separate(output: &mut Vec<u8>, is_first: &mut bool) {
    if !*is_first {
        output.push(b',');
    }
    *is_first = false;
}

/// The id that `value` refers to, if it is a reference.
fn reference<'d>(value: &'d Value<'d>) -> Option<&'d str> {
    identifier(value, "$ref")
}

/// An id is written as text; a number means the same.
fn identifier<'d>(value: &'d Value<'d>, wanted: &str) -> Option<&'d str> {
    let (_, id) = value.as_object()?.iter().find(|(name, _)| name == wanted)?;
    as_identifier(id)
}

fn as_identifier<'d>(id: &'d Value<'_>) -> Option<&'d str> {
    id.as_str().or_else(|| id.as_number())
}

#[cfg(test)]
mod tests;
