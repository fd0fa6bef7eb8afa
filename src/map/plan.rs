//! A map as compiled: renders a record straight into an output buffer, without a tree in between.

use std::sync::Arc;

use super::budget::{MAX_DEPTH, MAX_OUTPUT_BYTES, MapError, is_deeper};
use super::condition::Condition;
use super::encode::{Output, cef, leef};
use super::evaluation::{Evaluation, Names};
use super::expression::{Expression, Field, Generated, Member, MemberContent, Structure};
use super::item::Item;
use super::schema::Schema;
use super::scope::RecordContext;
use super::table::Table;
use super::unmapped::{self, Taken};
use super::write;
use crate::decode::json::{Value, write_string, write_value};

/// One compiled map.
#[derive(Debug)]
pub struct Plan {
    /// `name@revision`.
    pub revision: Arc<str>,
    /// Which records of its kind it is for; `None` for all.
    pub guard: Option<Condition>,
    /// `let` values, in order.
    pub lets: Vec<Expression>,
    /// Lookup tables.
    pub tables: Vec<Table>,
    /// Number of variable slots.
    pub variables: usize,
    /// What it writes.
    pub output: Output,
    /// What the output is checked against where that is asked for.
    pub schema: Schema,
    /// Where fields outside the schema may go.
    pub own: Vec<String>,
    /// The parts of a text format's header, in the order in which they are written; empty for JSON.
    pub header: Vec<Field>,
    /// The target fields.
    pub fields: Structure,
    /// What the fields take of a record, where leftovers are kept.
    pub taken: Taken,
}

impl Plan {
    /// Whether its guard accepts the record.
    pub fn accepts(&self, context: &RecordContext<'_>) -> bool {
        let Some(guard) = &self.guard else {
            return true;
        };
        guard.holds(&mut Evaluation::new(context, self.names()))
    }

    /// Renders a record if the guard accepts it; `None` if it does not.
    ///
    /// On an error, of the guard too, `output` is as it was.
    pub fn render_accepted(
        &self,
        context: &RecordContext<'_>,
        output: &mut Vec<u8>,
    ) -> Result<Option<u32>, MapError> {
        let mut evaluation = Evaluation::new(context, self.names());
        if let Some(guard) = &self.guard {
            let holds = guard.holds(&mut evaluation);
            if let Some(error) = evaluation.exceeded() {
                return Err(error.clone());
            }
            if !holds {
                return Ok(None);
            }
        }
        self.rendered(evaluation, output).map(Some)
    }

    /// Appends the mapped record on one line. Gives the number of values that were cut: leftovers for size, values of a
    /// text format to the length of their key.
    ///
    /// On an error `output` is as it was.
    pub fn render(&self, context: &RecordContext<'_>, output: &mut Vec<u8>) -> Result<u32, MapError> {
        self.rendered(Evaluation::new(context, self.names()), output)
    }

    fn rendered(&self, evaluation: Evaluation<'_, '_>, output: &mut Vec<u8>) -> Result<u32, MapError> {
        let start = output.len();
        let mut rendering = Rendering {
            plan: self,
            evaluation,
            output,
            start,
            cut: 0,
        };
        let result = rendering.run();
        let cut = rendering.cut;
        if result.is_err() {
            output.truncate(start);
        }
        result.map(|()| cut)
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names {
            lets: &self.lets,
            tables: &self.tables,
            variables: self.variables,
        }
    }
}

struct Rendering<'s, 'e, 'o> {
    plan: &'s Plan,
    evaluation: Evaluation<'s, 'e>,
    output: &'o mut Vec<u8>,
    start: usize,
    cut: u32,
}

impl<'s> Rendering<'s, '_, '_> {
    fn run(&mut self) -> Result<(), MapError> {
        match self.plan.output {
            Output::Json => {
                if !self.structure(&self.plan.fields, 1)? {
                    self.output.extend_from_slice(b"{}");
                }
            }
            Output::Cef => self.cut = cef::render(self.plan, &mut self.evaluation, self.output)?,
            Output::Leef => self.cut = leef::render(self.plan, &mut self.evaluation, self.output)?,
        }
        self.cut += self.evaluation.misfits();
        self.check_size()
    }

    /// Whether anything was written; `depth` is the level of the structure's braces, from 1.
    fn structure(&mut self, structure: &'s Structure, depth: usize) -> Result<bool, MapError> {
        let opened = self.output.len();
        self.output.push(b'{');
        let mut is_kept = structure.keep_if.is_empty();
        let mut id = None;
        for member in &structure.members {
            let at = self.output.len();
            let is_first = at == opened + 1;
            if let MemberContent::Field(field) = &member.content {
                // Its key is written with its value: most fields of a map are absent from most records.
                let value_start = self.field(member, field, is_first, depth)?;
                id = value_start.and_then(|start| integer(&self.output[start..]));
                is_kept = is_kept || value_start.is_some() && structure.is_kept_by(&member.name);
                continue;
            }
            self.key(member, is_first);
            let is_written = match &member.content {
                MemberContent::Structure(inner) => self.structure(inner, depth + 1)?,
                MemberContent::Raw => self.raw(),
                MemberContent::Generated(generated) => self.generated(generated, id)?,
                MemberContent::Field(_) | MemberContent::Label(_) => false,
            };
            if is_written {
                is_kept = is_kept || structure.is_kept_by(&member.name);
            } else {
                self.output.truncate(at);
            }
        }
        if structure.keeps_leftovers {
            self.leftovers(structure, depth)?;
        }
        if !is_kept || self.output.len() == opened + 1 {
            self.output.truncate(opened);
            return Ok(false);
        }
        self.output.push(b'}');
        Ok(true)
    }

    fn key(&mut self, member: &Member, is_first: bool) {
        if !is_first {
            self.output.push(b',');
        }
        self.output.extend_from_slice(&member.key);
    }

    /// Writes key and value; gives where the value starts, or `None` if there is none.
    fn field(
        &mut self,
        member: &Member,
        field: &'s Field,
        is_first: bool,
        depth: usize,
    ) -> Result<Option<usize>, MapError> {
        let standing = self.evaluation.standing(&field.expression);
        let item = match standing {
            Some(None | Some(Value::String(_) | Value::Number(_) | Value::Bool(_))) => None,
            _ => self.evaluation.field(field),
        };
        if let Some(error) = self.evaluation.exceeded() {
            return Err(error.clone());
        }
        if let (None, Some(Some(value))) = (&item, standing) {
            self.key(member, is_first);
            let start = self.output.len();
            self.scalar(value, field.is_list);
            return self.check_size().map(|()| Some(start));
        }
        let Some(item) = item else {
            return match &field.required {
                Some(field) => Err(MapError::Required { field: field.clone() }),
                None => Ok(None),
            };
        };
        self.key(member, is_first);
        let start = self.output.len();
        write::item_up_to(&item, self.output, self.start + MAX_OUTPUT_BYTES);
        self.check_size()?;
        if is_item_deeper(&item, MAX_DEPTH - depth) {
            let field = member.name.as_ref().into();
            return Err(MapError::TooDeep { field });
        }
        Ok(Some(start))
    }

    fn scalar(&mut self, value: &Value<'_>, is_list: bool) {
        if is_list {
            self.output.push(b'[');
        }
        write_value(self.output, value);
        if is_list {
            self.output.push(b']');
        }
    }

    fn generated(&mut self, generated: &'s Generated, id: Option<i64>) -> Result<bool, MapError> {
        let item = self.evaluation.generated(generated, id);
        let required = generated.own.as_ref().and_then(|own| own.required.clone());
        match (item, required) {
            (Some(item), _) => {
                write::item(&item, self.output);
                Ok(true)
            }
            (None, Some(field)) => Err(MapError::Required { field }),
            (None, None) => Ok(false),
        }
    }

    fn raw(&mut self) -> bool {
        let mut bytes = Vec::new();
        self.evaluation.context().record().write_original(&mut bytes);
        write_string(self.output, &String::from_utf8_lossy(&bytes));
        true
    }

    fn leftovers(&mut self, structure: &'s Structure, depth: usize) -> Result<(), MapError> {
        let used = |name: &str| structure.members.iter().any(|member| &*member.name == name);
        let writer = unmapped::Writer::new(self.evaluation.context(), self.output);
        self.cut += writer.write(&self.plan.taken, &used, MAX_DEPTH - depth);
        self.check_size()
    }

    fn check_size(&self) -> Result<(), MapError> {
        match self.output.len() - self.start > MAX_OUTPUT_BYTES {
            true => Err(MapError::TooLarge),
            false => Ok(()),
        }
    }
}

/// The number that was just written, if it is a short one; identifiers of enumerations are.
fn integer(written: &[u8]) -> Option<i64> {
    let is_number = (1..=6).contains(&written.len()) && written.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        written
            .iter()
            .fold(0, |sum, byte| sum * 10 + i64::from(byte - b'0'))
    })
}

fn is_item_deeper(item: &Item<'_>, levels: usize) -> bool {
    match item {
        Item::Value(value) => is_deeper(value, levels),
        Item::List(items) => levels == 0 || items.iter().any(|item| is_item_deeper(item, levels - 1)),
        Item::Object(members) => {
            levels == 0 || members.iter().any(|(_, item)| is_item_deeper(item, levels - 1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
