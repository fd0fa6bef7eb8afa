//! Flags, configuration, runtime, exit code.

use std::process::ExitCode;

use clap::Parser;
use hub2siem::cli::{Arguments, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return hub2siem::cli::exit::usage(&error),
    };
    hub2siem::cli::exit::report(run(arguments))
}
