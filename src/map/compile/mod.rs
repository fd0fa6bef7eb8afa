//! Turns what a file says into what is run, and finds everything that is wrong with it.

mod check;
mod complete;
mod condition;
mod fields;
mod keep_if;
mod literal;
mod names;
mod pipe;
mod shape;
mod taken;
mod targets;
mod text;
mod value;
#[cfg(test)]
mod ocsf_tests;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::condition::Condition;
use super::expression::Expression;
use super::file::MappingFile;
use super::plan::Plan;
use super::salt::Salt;
use super::table::Table;
use crate::config::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::config::yaml::Node;
use literal::LiteralUse;
use shape::Shape;
use targets::Targets;

/// Compiles a map; `salt` is what its `sha256` mixes in. Problems go to `diagnostics`; `None` if any of them is an error.
pub fn map(file: &MappingFile, salt: Option<&Salt>, diagnostics: &mut Diagnostics) -> Option<Plan> {
    let mut own = Diagnostics::default();
    let mut compiler = Compiler::new(&file.source, Place::Map, &mut own);
    compiler.salt = salt.cloned();
    let plan = fields::plan(&mut compiler, file);
    let is_usable = !own.has_errors();
    diagnostics.0.append(&mut own.0);
    plan.filter(|_| is_usable)
}

/// Compiles a condition that stands outside a map and so sees the record, `$record` and `$hub` only.
pub fn route(file: &SourceFile, node: &Node, diagnostics: &mut Diagnostics) -> Option<Condition> {
    Compiler::new(file, Place::Route, diagnostics).condition(node)
}

/// Problems of one file that are reported; a file with more is the wrong file.
const MAX_PROBLEMS: usize = 50;

/// Where the compiled text stands; decides which names there are and how messages call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Map,
    Route,
}

/// What is known while a file is compiled.
struct Compiler<'d> {
    file: SourceFile,
    place: Place,
    diagnostics: &'d mut Diagnostics,
    salt: Option<Salt>,
    lets: Vec<LetName>,
    /// Names that `let` defines further down, for a better message.
    later_lets: Vec<String>,
    let_values: Vec<Expression>,
    /// Variables of the `each` operators around the current place, outermost first.
    variables: Vec<String>,
    variable_slots: usize,
    tables: Vec<NamedTable>,
    targets: Targets,
    /// Literals that can reach a field with a closed set of values.
    literals: Vec<LiteralUse>,
}

struct LetName {
    name: String,
    shape: Shape,
}

struct NamedTable {
    name: String,
    span: Range<usize>,
    file: SourceFile,
    node: Node,
    table: Table,
    is_used: bool,
}

impl<'d> Compiler<'d> {
    fn new(file: &SourceFile, place: Place, diagnostics: &'d mut Diagnostics) -> Self {
        Self {
            file: file.clone(),
            place,
            diagnostics,
            salt: None,
            lets: Vec::new(),
            later_lets: Vec::new(),
            let_values: Vec::new(),
            variables: Vec::new(),
            variable_slots: 0,
            tables: Vec::new(),
            targets: Targets::unchecked(),
            literals: Vec::new(),
        }
    }

    /// Whether so many problems were found that looking for more is no help.
    fn is_full(&self) -> bool {
        self.diagnostics.0.len() >= MAX_PROBLEMS
    }

    /// Reports an error at a place of the current file.
    fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = Diagnostic::new(code, message)
            .at(&self.file, span, label)
            .help(help);
        self.diagnostics.push(diagnostic);
    }
}

/// `did you mean …?` with all candidates behind it; only the candidates if none is near.
fn suggestion<'c>(
    given: &str,
    candidates: impl IntoIterator<Item = &'c str> + Clone,
    heading: &str,
) -> String {
    let all: Vec<_> = candidates.clone().into_iter().collect();
    let list = format!("{heading}: {}", all.join(", "));
    match crate::config::diagnostic::nearest(given, candidates) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    }
}
