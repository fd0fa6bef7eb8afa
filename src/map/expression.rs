//! Compiled values: what stands to the right of a target field.

use super::condition::Condition;
use super::function::{Argument, Function};
use super::path::Selector;
use super::schema::{self, field::Twin};
use super::scope::HubField;
use crate::decode::json::Value;
use crate::event::RecordField;

/// One value of a map.
#[derive(Debug)]
pub enum Expression {
    /// Written in the map itself.
    Literal(Value<'static>),
    /// A path with its functions.
    Pipe(Pipe),
    /// The first that is present.
    FirstOf(Vec<Expression>),
    /// A table's entry for a key.
    Lookup {
        /// Index into the plan's tables.
        table: usize,
        /// What to look for; a list gives a list.
        key: Box<Expression>,
        /// For a key that is present and not in the table, and for an absent key.
        otherwise: Option<Box<Expression>>,
    },
    /// The first whose condition holds.
    Cases {
        /// Conditions and their values, in order.
        cases: Vec<(Condition, Expression)>,
        /// If none holds.
        otherwise: Option<Box<Expression>>,
    },
    /// A value for every element of a list.
    Each {
        /// The list; a single value counts as a list of one.
        over: Box<Expression>,
        /// Slot of the variable that holds the element.
        variable: usize,
        /// What is made of an element.
        make: Box<Expression>,
    },
    /// Several values as one list: flat, without absent and repeated ones.
    List(Vec<Expression>),
    /// A nested object; absent if empty.
    Object(Structure),
    /// Text with values in it; absent if any of them is.
    Text(Vec<TextPiece>),
}

/// A path with the functions it is piped through.
#[derive(Debug)]
pub struct Pipe {
    /// Where it starts.
    pub root: Root,
    /// The steps from there.
    pub selectors: Vec<Selector>,
    /// The functions, in order.
    pub calls: Vec<Call>,
}

impl Pipe {
    /// Whether only the first of several values is wanted.
    pub fn picks_first(&self) -> bool {
        self.calls
            .first()
            .is_some_and(|call| call.function.name == "first")
            && self.selectors.iter().any(Selector::is_multiple)
    }
}

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// The record.
    Document,
    /// `$record.<field>`.
    Record(RecordField),
    /// `$hub.<field>`.
    Hub(HubField),
    /// A `let` value, by its index.
    Let(usize),
    /// The variable of an `each`, by its slot.
    Variable(usize),
}

/// A function with its arguments.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// As many arguments as it has parameters.
    pub arguments: Vec<Argument>,
}

/// A piece of a `text:` value.
#[derive(Debug)]
pub enum TextPiece {
    /// Text as it stands.
    Literal(String),
    /// A value as text.
    Pipe(Pipe),
}

/// Target fields as they nest.
#[derive(Debug, Default)]
pub struct Structure {
    /// In the order in which the map first names them.
    pub members: Vec<Member>,
    /// Whether what the map does not take goes here too, behind the members.
    pub keeps_leftovers: bool,
    /// Names of members of which one must be present, or the whole is left out; empty: no such condition.
    pub keep_if: Vec<Box<str>>,
}

impl Structure {
    /// Whether the presence of a member lets the whole be kept.
    pub fn is_kept_by(&self, name: &str) -> bool {
        self.keep_if.is_empty() || self.keep_if.iter().any(|key| **key == *name)
    }
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: Box<str>,
    /// `"name":`, ready to be written.
    pub key: Box<[u8]>,
    /// What stands there.
    pub content: MemberContent,
}

/// What stands under a name.
#[derive(Debug)]
pub enum MemberContent {
    /// A value.
    Field(Field),
    /// Further members.
    Structure(Structure),
    /// The record's own bytes, as text.
    Raw,
    /// What follows from the last field before it.
    Generated(Generated),
    /// A fixed text, written if the field before it is.
    Label(Box<str>),
}

/// A member that follows from a numeric one: its name, or a number made from it.
#[derive(Debug)]
pub struct Generated {
    /// What follows from which number.
    pub twin: &'static Twin,
    /// What the map writes where the number says nothing: text for "other".
    pub own: Option<Field>,
}

/// A target field.
#[derive(Debug)]
pub struct Field {
    /// Its value.
    pub expression: Expression,
    /// Whether a single value becomes a list of one, because the schema wants a list.
    pub is_list: bool,
    /// Its full dotted name if it must be present.
    pub required: Option<std::sync::Arc<str>>,
    /// In a text format: what the dictionary says of its key; `None` for own keys.
    pub text: Option<&'static schema::Field>,
}
