//! The route of one target: a compiled condition, or none.

use crate::config::diagnostic::{Diagnostics, SourceFile};
use crate::config::yaml::Node;
use crate::event::Kind;
use crate::map::RecordContext;
use crate::map::compile;
use crate::map::condition::Condition;
use crate::map::evaluation::{Evaluation, Names};

/// Which records a target wants.
#[derive(Debug, Default)]
pub struct Route {
    condition: Option<Condition>,
}

impl Route {
    /// A route without a condition: every record.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Compiles the condition at `node` of a configuration file. The diagnostics name every problem in it.
    pub fn compile(file: &SourceFile, node: &Node) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        match compile::route(file, node, &mut diagnostics) {
            Some(condition) if !diagnostics.has_errors() => Ok(Self {
                condition: Some(condition),
            }),
            _ => Err(diagnostics),
        }
    }

    /// Whether the target wants the record. What is undecodable is wanted by none; it goes to the dead letters.
    pub fn accepts(&self, context: &RecordContext<'_>) -> bool {
        if context.record().kind == Kind::Undecodable {
            return false;
        }
        let Some(condition) = &self.condition else {
            return true;
        };
        let mut evaluation = Evaluation::new(context, Names::default());
        // What costs too much to look at is taken: the map then says so, and the record is a dead letter, not lost.
        condition.holds(&mut evaluation) || evaluation.exceeded().is_some()
    }
}
