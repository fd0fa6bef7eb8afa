//! A mapping file as written: its header understood, its values still as they stand, everything with its place.

mod header;
pub mod merge;
pub mod written;

use std::ops::Range;

use super::encode::Output;
use super::schema::Schema;
use crate::config::diagnostic::{Diagnostics, SourceFile};
use crate::config::yaml::{Entry, Node};
use crate::event::Kind;
use header::Header;
pub use written::Written;

/// The version of the file format this program reads.
pub const FORMAT: i64 = 1;

/// Keys of a mapping file, with what each is for; the reference and the JSON Schema list them too.
pub const KEYS: [(&str, &str); 21] = [
    ("format", "version of the file format; `1`"),
    (
        "name",
        "the set and the map, `ecs/alert`; the part before `/` is what a target's `mapping` names",
    ),
    (
        "revision",
        "version of the map, any text; travels with every record as `name@revision`",
    ),
    (
        "extends",
        "a map to build on: the embedded one of the same name, or another one by name",
    ),
    (
        "remove",
        "names to leave out of what is extended: fields, `let` values, tables",
    ),
    ("record", "the record kind the map is for"),
    (
        "when",
        "guard: a condition for the whole file. Guarded files of a kind are tried in name order, then the one without",
    ),
    ("output", "`json`, `cef` or `leef`"),
    (
        "schema",
        "schema to check the fields against, such as `ecs-9.4.0`; without it JSON is not checked",
    ),
    ("own_prefixes", "where fields outside the schema may go"),
    (
        "own_keys",
        "CEF and LEEF: keys outside the dictionary, letters and digits",
    ),
    (
        "unmapped",
        "`drop`, or `keep_under: field` for what the map does not take; `except: [path]` is dropped always",
    ),
    ("raw", "`to: field`: the record as received, as text"),
    (
        "let",
        "named values, used as `$name`; each may use those above it",
    ),
    (
        "tables",
        "named lookup tables; keys are compared without regard to case",
    ),
    ("fields", "JSON: target field: value"),
    (
        "header",
        "CEF and LEEF: the parts of the line's header, each with a value",
    ),
    (
        "extension",
        "CEF: key: value, or `label:` and `value:` for the numbered keys",
    ),
    ("attributes", "LEEF: key: value"),
    (
        "keep_if",
        "object: list of its keys; the object is left out unless one of them is present",
    ),
    (
        "required",
        "target fields without which the record is a map error",
    ),
];

/// A mapping file.
#[derive(Debug)]
pub struct MappingFile {
    /// The file, for messages.
    pub source: SourceFile,
    /// Set and map, `ecs/alert`.
    pub name: String,
    /// Version of the map.
    pub revision: String,
    /// What it is for.
    pub kind: Kind,
    /// Guard.
    pub guard: Option<Node>,
    /// What it writes.
    pub output: Output,
    /// Schema of the output.
    pub schema: Schema,
    /// Where fields outside the schema may go: `own_prefixes`, or `own_keys` of a text format.
    pub own: Vec<Text>,
    /// Where leftovers go; `None` drops them.
    pub keep_under: Option<Text>,
    /// Paths that are no leftovers whatever happens.
    pub except: Vec<Text>,
    /// Where the record as received goes.
    pub raw: Option<Text>,
    /// `let`, in order.
    pub lets: Vec<Entry>,
    /// Tables.
    pub tables: Vec<Entry>,
    /// The parts of a text format's header.
    pub header: Vec<Entry>,
    /// Target fields and their values, in order: `fields`, `extension` or `attributes`.
    pub fields: Vec<Entry>,
    /// Objects that are left out unless one of their keys is present.
    pub keep_if: Vec<KeepIf>,
    /// Target fields that must be present.
    pub required: Vec<Text>,
}

/// One entry of `keep_if`.
#[derive(Debug, Clone)]
pub struct KeepIf {
    /// Dotted name of the object; lists on the way do not count.
    pub path: Text,
    /// Names of members.
    pub keys: Vec<Text>,
}

/// A text with its place.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text.
    pub value: String,
    /// Its place in the file.
    pub span: Range<usize>,
}

impl MappingFile {
    /// The set a target names: the part of the name before `/`.
    pub fn set(&self) -> &str {
        self.name.split_once('/').map_or(&*self.name, |(set, _)| set)
    }

    /// Reads a file that extends no other. Problems go to `diagnostics`; `None` if the header cannot be used.
    pub fn read(source: SourceFile, diagnostics: &mut Diagnostics) -> Option<Self> {
        match Written::parse(source) {
            Ok(written) => Self::of(&written, diagnostics),
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                None
            }
        }
    }

    /// Understands a parsed and merged file. Problems go to `diagnostics`; `None` if the header cannot be used.
    pub fn of(written: &Written, diagnostics: &mut Diagnostics) -> Option<Self> {
        let (source, node) = (&written.source, &written.node);
        let mut header = Header {
            source,
            node,
            diagnostics,
        };
        header.check_merged();
        header.check_keys();
        header.check_format();
        let kind = header.kind();
        let name = header.name();
        let revision = header.required("revision").map(|text| text.value);
        let output = header.output();
        let schema = header.schema(output);
        header.check_keys_of(output);
        let own = header.texts(
            node,
            if output.is_text() {
                "own_keys"
            } else {
                "own_prefixes"
            },
        );
        let (keep_under, except) = header.unmapped();
        let raw = header.raw();
        let [lets, tables, parts, fields] =
            ["let", "tables", "header", output.fields_key()].map(|key| header.entries(key));
        let keep_if = header.keep_if();
        let required = header.texts(node, "required");
        let guard = node.get("when").cloned();
        if node.get(output.fields_key()).is_none() {
            header.missing(output.fields_key());
        }
        Some(Self {
            name: name?,
            revision: revision?,
            kind: kind?,
            guard,
            output,
            schema: schema?,
            own,
            keep_under,
            except,
            raw,
            lets,
            tables,
            header: parts,
            fields,
            keep_if,
            required,
            source: source.clone(),
        })
    }
}
