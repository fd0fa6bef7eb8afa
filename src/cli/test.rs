//! `test`: tests of mappings, with the decode and the maps of the bridge.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::exit::Failure;
use super::load::{self, MappingArguments};
use crate::config::Diagnostics;
use crate::map::Mappings;
use crate::mapping_test::snapshot::Snapshot;
use crate::mapping_test::{Samples, Suite, coverage, find, report, run as run_suite};

/// Which tests to run, and over which mappings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A test file stands beside its map: mappings/own/alert.yaml has mappings/own/alert.test.yaml. `hub2siem schema test`
prints its JSON Schema. Exit code 0 if all pass, 1 if one fails, 64 if a file cannot be used.")]
pub struct TestArguments {
    /// A folder of test files, or one of them; by default the folder of the mappings, else `./mappings`.
    #[arg(value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// Which mappings there are.
    #[command(flatten)]
    pub mappings: MappingArguments,
    /// A folder of inputs, beside those in the program.
    #[arg(long, value_name = "DIR")]
    pub samples: Option<PathBuf>,
    /// Write every whole output to a `.snap.json` beside the test file; later runs compare with it.
    #[arg(long)]
    pub bless: bool,
    /// Also run all samples through every map.
    #[arg(long)]
    pub all: bool,
    /// Print the tests that pass, too.
    #[arg(long, short)]
    pub verbose: bool,
}

/// What was run.
#[derive(Debug, Default)]
struct Tally {
    tests: usize,
    failed: usize,
}

/// Prints failures and a summary; fails with 1 if a test failed and with 64 if a file cannot be used.
pub fn run(arguments: &TestArguments) -> Result<(), Failure> {
    let directory = arguments.mappings.directory()?;
    let default = directory.clone().unwrap_or_else(|| PathBuf::from("./mappings"));
    let path = arguments.path.as_deref().unwrap_or(&default);
    let folder = directory.unwrap_or_else(|| folder(path));
    let mappings = load::mappings(folder.exists().then_some(folder.as_path()))?;
    let samples = Samples {
        directory: arguments.samples.clone(),
    };
    let suites = suites(path, arguments, &mappings, &samples)?;
    let mut tally = Tally::default();
    for suite in &suites {
        run_one(suite, &mappings, arguments, &mut tally)?;
    }
    if arguments.all {
        run_all(&mappings, &samples, arguments, &mut tally)?;
    }
    let passed = tally.tests - tally.failed;
    println!("{} tests: {passed} passed, {} failed", tally.tests, tally.failed);
    match tally.failed {
        0 => Ok(()),
        failed => Err(Failure::Check(anyhow!(
            "{failed} of {} tests failed",
            tally.tests
        ))),
    }
}

/// The folder whose maps are under test: the one named, or the one a single file stands in.
fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if path.is_file() => match parent.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => parent.to_owned(),
        },
        _ => path.to_owned(),
    }
}

fn suites(
    path: &Path,
    arguments: &TestArguments,
    mappings: &Mappings,
    samples: &Samples,
) -> Result<Vec<Suite>, Failure> {
    let is_optional = arguments.all && arguments.path.is_none() && !path.exists();
    let files = match is_optional {
        true => Vec::new(),
        false => find::find(path)
            .with_context(|| format!("failed to look for tests in `{}`", path.display()))
            .map_err(Failure::Usage)?,
    };
    if files.is_empty() && !arguments.all {
        let message = format!(
            "there is no `*.test.yaml` in `{}` or one level below",
            path.display()
        );
        return Err(Failure::Usage(anyhow!(message)));
    }
    let mut diagnostics = Diagnostics::default();
    let suites: Vec<_> = files
        .iter()
        .filter_map(|file| Suite::read(file, mappings, samples, &mut diagnostics))
        .collect();
    if diagnostics.has_errors() {
        return Err(diagnostics.into());
    }
    Ok(suites)
}

fn run_one(
    suite: &Suite,
    mappings: &Mappings,
    arguments: &TestArguments,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let snapshot = match arguments.bless {
        true => Snapshot::default(),
        false => Snapshot::read(&suite.path).map_err(|error| Failure::Usage(error.into()))?,
    };
    let outcomes = run_suite(suite, mappings, &snapshot);
    for outcome in &outcomes {
        tally.tests += 1;
        tally.failed += usize::from(!outcome.is_passed());
        if arguments.verbose || !outcome.is_passed() {
            print!("{}", report::test(suite, outcome));
        }
    }
    let is_known = |name: &str| suite.cases.iter().any(|case| case.name == name);
    for name in snapshot.names().filter(|name| !is_known(name)) {
        eprintln!(
            "warning: the snapshot of {} has `{name}`, which is no test there; `--bless` writes it anew",
            suite.path.display()
        );
    }
    if arguments.bless {
        let path = Snapshot::of(&outcomes)
            .write(&suite.path)
            .map_err(|error| Failure::Usage(error.into()))?;
        println!("blessed {}", path.display());
    }
    Ok(())
}

fn run_all(
    mappings: &Mappings,
    samples: &Samples,
    arguments: &TestArguments,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let samples = samples
        .all()
        .context("failed to read the folder of samples")
        .map_err(Failure::Usage)?;
    for (map, coverage) in coverage::run(mappings, &samples) {
        let is_passed = coverage.problems.is_empty();
        tally.tests += 1;
        tally.failed += usize::from(!is_passed);
        if arguments.verbose || !is_passed {
            print!("{}", report::coverage(&map, &coverage));
        }
    }
    Ok(())
}
