//! One event: every record rendered to standard output, what is to be told about it to standard error.

use super::choice::{Choice, Only};
use super::notes;
use crate::cli::exit::Failure;
use crate::cli::output;
use crate::decode;
use crate::event::{Event, Hub, Kind, Record};
use crate::map::{Mappings, RecordContext};
use crate::mapping_test::suite::map_name;

/// A preview under way.
pub(super) struct Preview<'p> {
    mappings: &'p Mappings,
    choice: Choice,
    is_explained: bool,
    is_unmapped_shown: bool,
    failed: usize,
}

impl<'p> Preview<'p> {
    pub(super) fn new(
        mappings: &'p Mappings,
        choice: Choice,
        is_explained: bool,
        is_unmapped_shown: bool,
    ) -> Self {
        Self {
            mappings,
            choice,
            is_explained,
            is_unmapped_shown,
            failed: 0,
        }
    }

    /// Records that could not be rendered.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    /// Counts and tells something that cannot be rendered.
    pub(super) fn fail(&mut self, origin: &str, reason: &str) {
        self.failed += 1;
        eprintln!("{origin}: {reason}");
    }

    /// Renders the records of an event; `origin` is how messages call it.
    pub(super) fn event(&mut self, hub: &Hub, event: &Event, origin: &str) -> Result<(), Failure> {
        let records = decode::decode(hub, event);
        if records.is_empty() {
            eprintln!("{origin}: no record, only an empty list");
        }
        let is_alone = records.len() == 1;
        for record in &records {
            let name = match is_alone {
                true => origin.to_owned(),
                false => format!("{origin}, record {}", record.index),
            };
            self.record(record, &name)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, origin: &str) -> Result<(), Failure> {
        if let Some(problem) = decode::problem(record) {
            self.fail(origin, &format!("cannot be decoded: {problem}"));
            return Ok(());
        }
        let context = RecordContext::new(record);
        let chosen = self
            .choice
            .set
            .choose(&context)
            .map(|plan| map_name(&plan.revision));
        if !self.is_wanted(record.kind, chosen) {
            eprintln!("{origin}: left out, a record of kind `{}`", record.kind);
            return Ok(());
        }
        let mut line = Vec::new();
        match self.choice.set.render(&context, &mut line) {
            Ok(rendering) => {
                output::line(&line)?;
                match rendering.cut_values {
                    0 => {}
                    1 => eprintln!("{origin}: 1 value was cut, or does not fit its key"),
                    cut => eprintln!("{origin}: {cut} values were cut, or do not fit their keys"),
                }
                for problem in self.choice.set.validate(&context, &line) {
                    eprintln!("{origin}: does not fit the schema: {problem}");
                }
            }
            Err(error) => {
                let map = chosen.unwrap_or_default().to_owned();
                self.fail(origin, &format!("map error of `{map}`: {error}"));
            }
        }
        if self.is_explained {
            eprint!(
                "{}",
                notes::explained(origin, &self.choice.set, self.mappings, &context)
            );
        }
        if self.is_unmapped_shown {
            eprint!("{}", notes::unmapped(origin, &self.choice.set, &context));
        }
        Ok(())
    }

    fn is_wanted(&self, kind: Kind, chosen: Option<&str>) -> bool {
        match &self.choice.only {
            Only::Everything => true,
            Only::Kind(only) => *only == kind,
            Only::Map(only) => chosen == Some(only),
        }
    }
}
