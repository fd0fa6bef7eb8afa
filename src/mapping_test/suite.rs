//! A test file as checked: its map is known, every input is found, every test can run.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::file::{HubHeader, Test, TestFile};
use super::literal;
use super::sample::Samples;
use crate::config::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::config::yaml::{self, Content, Node};
use crate::event::{Event, Hub, Offset, PartitionId, SequenceNumber, Timestamp};
use crate::map::Mappings;

/// The tests of one file.
#[derive(Debug)]
pub struct Suite {
    /// The file.
    pub path: PathBuf,
    /// The set that renders.
    pub set: String,
    /// The map, `ecs/alert`, if the file names one and not only the set.
    pub map: Option<String>,
    /// The hub of the event.
    pub hub: Hub,
    /// The event, without a body.
    pub event: Event,
    /// The tests, in order.
    pub cases: Vec<Case>,
}

/// One test.
#[derive(Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Line of the name in the file, from 1.
    pub line: usize,
    /// Body of the event.
    pub body: Vec<u8>,
    /// Whether the body stands as maps see it.
    pub is_decoded: bool,
    /// Fields and their values.
    pub expect: Vec<(String, Value)>,
    /// Whether there may be no other fields.
    pub is_exact: bool,
    /// The whole output, if it is text.
    pub expect_text: Option<String>,
    /// Fields that must not be there.
    pub absent: Vec<String>,
}

impl Suite {
    /// Reads the file at `path`. Problems go to `diagnostics`; `None` if it cannot be run.
    pub fn read(
        path: &Path,
        mappings: &Mappings,
        samples: &Samples,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let name = path.display().to_string();
        let source = match std::fs::read_to_string(path) {
            Ok(text) => SourceFile {
                name: name.into(),
                text: text.into(),
            },
            Err(error) => {
                diagnostics.push(
                    Diagnostic::new("test::unreadable", format!("cannot read `{name}`: {error}"))
                        .help("check the path and its permissions"),
                );
                return None;
            }
        };
        let mut reader = Reader {
            source,
            folder: path.parent(),
            samples,
            problems: Diagnostics::default(),
        };
        let suite = reader.suite(path, mappings);
        let is_usable = !reader.problems.has_errors();
        diagnostics.0.append(&mut reader.problems.0);
        suite.filter(|_| is_usable)
    }

    /// `ecs/alert`, or the set.
    pub fn mapping(&self) -> &str {
        self.map.as_deref().unwrap_or(&self.set)
    }
}

struct Reader<'r> {
    source: SourceFile,
    folder: Option<&'r Path>,
    samples: &'r Samples,
    problems: Diagnostics,
}

impl Reader<'_> {
    fn suite(&mut self, path: &Path, mappings: &Mappings) -> Option<Suite> {
        let node = yaml::parse(&self.source)
            .map_err(|problem| self.problems.push(problem))
            .ok()?;
        let file: TestFile = yaml::read(&self.source, &node)
            .map_err(|mut problems| self.problems.0.append(&mut problems.0))
            .ok()?;
        self.check_mapping(&file, mappings);
        let (hub, event) = self.origin(&file.hub);
        let nodes = node.get("tests").and_then(Node::as_sequence).unwrap_or_default();
        let mut names = BTreeSet::new();
        let mut cases = Vec::new();
        for (test, node) in file.tests.iter().zip(nodes) {
            if !names.insert(test.name.value.as_str()) {
                let message = format!("two tests are called `{}`", test.name.value);
                self.problem(
                    test.name.span.clone(),
                    message,
                    "the second one",
                    "say in the name what differs",
                );
            }
            cases.extend(self.case(test, node));
        }
        let (set, map) = match file.mapping.value.split_once('/') {
            Some((set, _)) => (set.to_owned(), Some(file.mapping.value.clone())),
            None => (file.mapping.value.clone(), None),
        };
        Some(Suite {
            path: path.to_owned(),
            set,
            map,
            hub,
            event,
            cases,
        })
    }

    fn check_mapping(&mut self, file: &TestFile, mappings: &Mappings) {
        let given = file.mapping.value.as_str();
        let names: Vec<String> = match given.contains('/') {
            true => mappings
                .names()
                .filter_map(|name| mappings.set(name))
                .flat_map(|set| {
                    set.revisions()
                        .map(|name| map_name(name).to_owned())
                        .collect::<Vec<_>>()
                })
                .collect(),
            false => mappings.names().map(str::to_owned).collect(),
        };
        if names.iter().any(|name| name == given) {
            return;
        }
        let help = match nearest(given, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? `hub2siem mappings list` shows all"),
            None => "`hub2siem mappings list` shows all".to_owned(),
        };
        let message = format!("there is no mapping `{given}`");
        self.problems.push(
            Diagnostic::new("test::unknown_mapping", message)
                .at(&self.source, file.mapping.span.clone(), "not a set and not a map")
                .help(help),
        );
    }

    fn origin(&mut self, header: &HubHeader) -> (Hub, Event) {
        let time = Timestamp::parse(&header.enqueued_time.value);
        if time.is_none() {
            let message = format!("`{}` is no time", header.enqueued_time.value);
            let help = "write RFC 3339, such as `2026-01-31T00:00:00Z`";
            self.problem(header.enqueued_time.span.clone(), message, "this value", help);
        }
        let hub = Hub {
            namespace: header.namespace.to_ascii_lowercase().into(),
            name: header.name.as_str().into(),
        };
        let event = Event {
            partition: PartitionId::new(header.partition.as_str()),
            sequence_number: SequenceNumber(header.sequence_number),
            offset: Offset::new(header.offset.as_str()),
            enqueued_time: time.unwrap_or(Timestamp::from_millis(0)),
            body: bytes::Bytes::new(),
            last_enqueued: None,
        };
        (hub, event)
    }

    fn case(&mut self, test: &Test, node: &Node) -> Option<Case> {
        let body = self.body(node.get("input")?)?;
        let expect = node.get("expect").and_then(Node::as_mapping).unwrap_or_default();
        if test.expect_text.is_some() && (!expect.is_empty() || test.exact) {
            self.problem(
                test.name.span.clone(),
                "`expect_text` stands beside `expect` or `exact`".to_owned(),
                "this test",
                "`expect_text` is the whole output of a map that writes text, `expect` names fields of JSON",
            );
        }
        Some(Case {
            name: test.name.value.clone(),
            line: self.line(test.name.span.start),
            body,
            is_decoded: test.decoded,
            expect: expect
                .iter()
                .map(|entry| (entry.key.clone(), literal::value(&entry.value)))
                .collect(),
            is_exact: test.exact,
            expect_text: test
                .expect_text
                .as_ref()
                .map(|text| text.value.strip_suffix('\n').unwrap_or(&text.value).to_owned()),
            absent: test.absent.0.clone(),
        })
    }

    fn body(&mut self, input: &Node) -> Option<Vec<u8>> {
        match &input.content {
            Content::Mapping(_) => {
                let mut body = Vec::new();
                literal::write(input, &mut body);
                Some(body)
            }
            Content::Scalar(scalar) => {
                let found = self.samples.body(scalar.text(), self.folder);
                if found.is_none() {
                    let names = super::sample::names();
                    let help = match nearest(scalar.text(), names.iter().map(String::as_str)) {
                        Some(near) => format!("did you mean `{near}`? `hub2siem mappings samples` lists those in the program"),
                        None => "a path is looked up beside this file, in the folder given with `--samples`, and among the samples in the program (`hub2siem mappings samples`)".to_owned(),
                    };
                    let message = format!("there is no input `{}`", scalar.text());
                    self.problems.push(
                        Diagnostic::new("test::unknown_input", message)
                            .at(&self.source, input.span.clone(), "not found")
                            .help(help),
                    );
                }
                found
            }
            _ => {
                let message = format!("an input is a record or a path, not {}", input.describe());
                self.problem(
                    input.span.clone(),
                    message,
                    "this value",
                    "write the members of the record below `input:`",
                );
                None
            }
        }
    }

    fn problem(&mut self, span: Range<usize>, message: String, label: &str, help: &str) {
        self.problems.push(
            Diagnostic::new("test::invalid_value", message)
                .at(&self.source, span, label)
                .help(help),
        );
    }

    fn line(&self, offset: usize) -> usize {
        let head = self.source.text.get(..offset).unwrap_or_default();
        head.matches('\n').count() + 1
    }
}

/// The name in `name@revision`.
pub fn map_name(revision: &str) -> &str {
    revision.split_once('@').map_or(revision, |(name, _)| name)
}
