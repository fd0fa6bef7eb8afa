//! Object references inside an alert: `{"$ref": "5"}` stands for the object whose `$id` is `5`, anywhere in the alert.
//!
//! Input may repeat ids, point nowhere or in circles; nothing here fails on that.

use super::json::Value;

/// References that are followed one after another.
const MAX_REFERENCE_DEPTH: usize = 8;

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
