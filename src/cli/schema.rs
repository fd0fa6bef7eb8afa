//! `schema`: JSON Schemas for editors.

use std::io::Write;

use anyhow::Context;

use super::exit::Failure;
use crate::config::file::File;
use crate::mapping_test::TestFile;

/// Which schema to print.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example, in the first line of a configuration file:\n  # yaml-language-server: $schema=./hub2siem.schema.json"
)]
pub struct SchemaArguments {
    /// The kind of file the schema describes.
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// Files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaOf {
    /// The configuration file.
    Config,
    /// A mapping file.
    Mapping,
    /// A file of tests of a mapping.
    Test,
}

/// Prints the schema to standard output.
pub fn run(arguments: &SchemaArguments) -> Result<(), Failure> {
    let schema = schema(arguments.of);
    let text = serde_json::to_string_pretty(&schema)
        .context("failed to write the schema")
        .map_err(Failure::Internal)?;
    writeln!(std::io::stdout(), "{text}")
        .context("failed to write to standard output")
        .map_err(Failure::Internal)
}

/// The schema as a JSON value.
pub fn schema(of: SchemaOf) -> serde_json::Value {
    match of {
        SchemaOf::Config => schemars::schema_for!(File).to_value(),
        SchemaOf::Test => schemars::schema_for!(TestFile).to_value(),
        SchemaOf::Mapping => crate::map::file_schema(),
    }
}
