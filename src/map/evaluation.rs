//! Computes the values of a map for one record.

use std::borrow::Cow;

use super::budget::{MAX_ELEMENTS, MAX_WORK_BYTES, MapError, Spending};
use super::encode::text;
use super::expression::{
    Call, Expression, Field, Generated, MemberContent, Pipe, Root, Structure, TextPiece,
};
use super::item::{Item, deduplicate};
use super::path::{self, Selector};
use super::schema::ocsf;
use super::scope::RecordContext;
use super::table::Table;
use crate::decode::json::Value;

/// One rendering of one record: `let` values are computed once, when first asked for.
pub struct Evaluation<'s, 'e> {
    context: &'s RecordContext<'e>,
    names: Names<'s>,
    lets: Vec<Option<Option<Item<'s>>>>,
    variables: Vec<Option<Item<'s>>>,
    spending: Spending,
    misfits: u32,
}

/// What the values of one map refer to by index.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'s> {
    /// `let` values; each refers to earlier ones only.
    pub lets: &'s [Expression],
    /// Lookup tables.
    pub tables: &'s [Table],
    /// Number of variable slots of `each`.
    pub variables: usize,
}

impl<'s, 'e> Evaluation<'s, 'e> {
    /// Prepares an evaluation; nothing is computed yet.
    pub fn new(context: &'s RecordContext<'e>, names: Names<'s>) -> Self {
        Self {
            context,
            names,
            lets: vec![None; names.lets.len()],
            variables: vec![None; names.variables],
            spending: Spending::default(),
            misfits: 0,
        }
    }

    /// Values of a text format that were left out because they do not fit the type of their key.
    pub fn misfits(&self) -> u32 {
        self.misfits
    }

    /// The record this is about.
    pub fn context(&self) -> &'s RecordContext<'e> {
        self.context
    }

    /// The budget that was exceeded; what was computed since is incomplete.
    pub fn exceeded(&self) -> Option<&MapError> {
        self.spending.exceeded()
    }

    /// The value of an expression; `None` if it is absent.
    pub fn value(&mut self, expression: &'s Expression) -> Option<Item<'s>> {
        match expression {
            Expression::Literal(value) => Some(Item::Value(value)),
            Expression::Pipe(pipe) => self.pipe(pipe),
            Expression::FirstOf(candidates) => candidates.iter().find_map(|candidate| self.value(candidate)),
            Expression::Lookup {
                table,
                key,
                otherwise,
            } => self.lookup(*table, key, otherwise.as_deref()),
            Expression::Cases { cases, otherwise } => {
                let chosen = cases.iter().find(|(condition, _)| condition.holds(self));
                match (chosen, otherwise) {
                    (Some((_, value)), _) => self.value(value),
                    (None, Some(value)) => self.value(value),
                    (None, None) => None,
                }
            }
            Expression::Each { over, variable, make } => self.each(over, *variable, make),
            Expression::List(expressions) => {
                let mut items = Vec::new();
                for expression in expressions {
                    if let Some(item) = self.value(expression) {
                        items.extend(item.into_elements());
                    }
                }
                self.spending.values(items.len());
                deduplicate(&mut items, &mut self.spending);
                Item::list(items)
            }
            Expression::Object(structure) => self.object(structure),
            Expression::Text(pieces) => self.template(pieces),
        }
    }

    /// The value of a path with its functions.
    pub fn pipe(&mut self, pipe: &'s Pipe) -> Option<Item<'s>> {
        if let Some(part) = self.part(pipe) {
            let start = Item::Value(part?);
            return match &*pipe.calls {
                [] => Some(start),
                calls => self.calls(start, calls),
            };
        }
        if pipe.picks_first() && pipe.root == Root::Document {
            let first = path::follow_first(self.context.document(), &pipe.selectors, self.context);
            if self.context.take_walk_cut() {
                self.spending.exceed(MapError::TooManyValues);
            }
            return self.calls(first?, &pipe.calls[1..]);
        }
        let start = self.start(pipe);
        if self.context.take_walk_cut() {
            self.spending.exceed(MapError::TooManyValues);
        }
        self.calls(start?, &pipe.calls)
    }

    /// Whether a path with its functions gives anything; of a list the first value settles it.
    pub fn exists(&mut self, pipe: &'s Pipe) -> bool {
        if pipe.root != Root::Document || !pipe.calls.is_empty() {
            return self.pipe(pipe).is_some();
        }
        if let Some(part) = self.part(pipe) {
            return part.is_some();
        }
        let first = path::follow_first(self.context.document(), &pipe.selectors, self.context);
        if self.context.take_walk_cut() {
            self.spending.exceed(MapError::TooManyValues);
        }
        first.is_some()
    }

    /// What `expression` gives, where that is a part of the record or of the map as it stands: `Some(None)` if it is
    /// absent, `None` if there is something to compute. Most fields are such parts, and an item costs more than they do.
    pub fn standing(&mut self, expression: &'s Expression) -> Option<Option<&'s Value<'s>>> {
        match expression {
            Expression::Literal(value) => Some(Some(value)),
            Expression::Pipe(pipe) if pipe.calls.is_empty() => self.part(pipe),
            _ => None,
        }
    }

    /// The value of a path before its functions, where it leads to one part of the record; see [`Self::standing`].
    fn part(&mut self, pipe: &'s Pipe) -> Option<Option<&'s Value<'s>>> {
        if pipe.selectors.iter().any(Selector::is_multiple) {
            return None;
        }
        let start = match pipe.root {
            Root::Document => Some(self.context.document()),
            Root::Let(index) => self.computed(index).map(as_value)?,
            Root::Variable(slot) => self.variables[slot].as_ref().map(as_value)?,
            Root::Record(_) | Root::Hub(_) => None,
        };
        let value = path::single(start?, &pipe.selectors, self.context);
        Some(value.filter(|value| !value.is_absent()))
    }

    /// The value of a path before its functions.
    pub fn start(&mut self, pipe: &'s Pipe) -> Option<Item<'s>> {
        match pipe.root {
            Root::Document => path::follow(self.context.document(), &pipe.selectors, self.context),
            Root::Record(field) => self.context.field(field),
            Root::Hub(field) => self.context.hub(field),
            Root::Let(index) => path::follow_item(self.let_value(index)?, &pipe.selectors, self.context),
            Root::Variable(slot) => {
                path::follow_item(self.variables[slot].clone()?, &pipe.selectors, self.context)
            }
        }
    }

    /// Whether the record has something at `selectors`.
    pub fn is_present(&self, selectors: &[Selector]) -> bool {
        path::follow(self.context.document(), selectors, self.context).is_some()
    }

    fn calls(&mut self, start: Item<'s>, calls: &'s [Call]) -> Option<Item<'s>> {
        let item = calls
            .iter()
            .try_fold(start, |item, call| call.function.apply(item, &call.arguments))?;
        self.spending.item(&item);
        self.exceeded().is_none().then_some(item)
    }

    /// A field's value, as a list where the schema wants one.
    pub fn field(&mut self, field: &'s Field) -> Option<Item<'s>> {
        let item = self.value(&field.expression)?;
        Some(match field.is_list && !item.is_list() {
            true => Item::List(vec![item]),
            false => item,
        })
    }

    /// A field's value as text that fits its key; an error only if it is absent and required.
    pub fn text(&mut self, field: &'s Field) -> Result<Option<Cow<'s, str>>, MapError> {
        let item = self.value(&field.expression);
        if let Some(error) = self.exceeded() {
            return Err(error.clone());
        }
        let is_present = item.is_some();
        let text = item.and_then(|item| text::fitted(item, field.text));
        let is_misfit = is_present && text.is_none() && field.text.is_some_and(text::may_misfit);
        self.misfits += u32::from(is_misfit);
        match (&text, &field.required) {
            (None, Some(field)) => Err(MapError::Required { field: field.clone() }),
            _ => Ok(text),
        }
    }

    /// What a generated member says behind a field with the value `id`.
    pub fn generated(&mut self, generated: &'s Generated, id: Option<i64>) -> Option<Item<'s>> {
        let made = id.and_then(|id| generated.twin.get(id)).map(Item::Value);
        match &generated.own {
            Some(own) if made.is_none() || id == Some(ocsf::OTHER) => self.field(own).or(made),
            _ => made,
        }
    }

    fn let_value(&mut self, index: usize) -> Option<Item<'s>> {
        self.computed(index).cloned()
    }

    fn computed(&mut self, index: usize) -> Option<&Item<'s>> {
        if self.lets[index].is_none() {
            let names = self.names;
            let value = self.value(&names.lets[index]);
            self.lets[index] = Some(value);
        }
        self.lets[index].as_ref().and_then(Option::as_ref)
    }

    fn lookup(
        &mut self,
        table: usize,
        key: &'s Expression,
        otherwise: Option<&'s Expression>,
    ) -> Option<Item<'s>> {
        let names = self.names;
        let table = &names.tables[table];
        let Some(key) = self.value(key) else {
            return otherwise.and_then(|otherwise| self.value(otherwise));
        };
        let find = |item: Item<'s>| {
            item.into_text()
                .and_then(|text| table.get(&text))
                .map(Item::Value)
        };
        if !key.is_list() {
            return find(key).or_else(|| otherwise.and_then(|otherwise| self.value(otherwise)));
        }
        let mut found: Vec<_> = key.into_elements().into_iter().filter_map(find).collect();
        deduplicate(&mut found, &mut self.spending);
        Item::list(found).or_else(|| otherwise.and_then(|otherwise| self.value(otherwise)))
    }

    fn each(&mut self, over: &'s Expression, variable: usize, make: &'s Expression) -> Option<Item<'s>> {
        let elements = self.value(over)?.into_elements();
        if elements.len() > MAX_ELEMENTS {
            self.spending.exceed(MapError::TooManyElements);
        }
        let mut made = Vec::new();
        for element in elements {
            self.spending.values(1);
            if self.exceeded().is_some() {
                return None;
            }
            self.variables[variable] = Some(element);
            made.extend(self.value(make));
        }
        deduplicate(&mut made, &mut self.spending);
        Item::list(made)
    }

    fn object(&mut self, structure: &'s Structure) -> Option<Item<'s>> {
        let mut members = Vec::with_capacity(structure.members.len());
        let mut is_kept = structure.keep_if.is_empty();
        let mut id = None;
        for member in &structure.members {
            let item = match &member.content {
                MemberContent::Field(field) => {
                    let item = self.field(field);
                    id = item.as_ref().and_then(Item::as_integer);
                    item
                }
                MemberContent::Structure(inner) => self.object(inner),
                MemberContent::Generated(generated) => self.generated(generated, id),
                MemberContent::Raw | MemberContent::Label(_) => None,
            };
            if let Some(item) = item {
                is_kept = is_kept || structure.is_kept_by(&member.name);
                members.push((&*member.name, item));
            }
        }
        self.spending.values(members.len());
        (is_kept && !members.is_empty()).then_some(Item::Object(members))
    }

    fn template(&mut self, pieces: &'s [TextPiece]) -> Option<Item<'s>> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                TextPiece::Literal(literal) => text.push_str(literal),
                TextPiece::Pipe(pipe) => text.push_str(&self.pipe(pipe)?.into_text()?),
            }
            if text.len() > MAX_WORK_BYTES {
                break;
            }
        }
        self.spending.bytes(text.len());
        Item::text(text)
    }
}

fn as_value<'s>(item: &Item<'s>) -> Option<&'s Value<'s>> {
    match item {
        Item::Value(value) => Some(value),
        _ => None,
    }
}
