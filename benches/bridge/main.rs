//! What the bridge costs: hub, bridge and receiver in processes of their own, the optimised build, real sockets.
//!
//! Run it with `./scripts/bench`. Prints a table for `docs/benchmarks.md`; the exit code is 1 if a bound is exceeded.

mod arguments; // how much is measured
mod cases; // what is measured
mod peers; // the three processes
mod lines; // receivers of lines
mod process; // CPU time and memory of a process
mod table; // how it is printed

use std::process::ExitCode;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        // `cargo test --all-targets` also starts benchmarks, without `--bench`.
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}\n\n{}", arguments::USAGE);
            return ExitCode::from(64);
        }
    };
    table::print_machine(&arguments);
    table::print_head();
    let mut is_within = true;
    for case in cases::all(&arguments) {
        if arguments.wants(case.name) {
            let figures = case.run();
            table::print_row(&case, &figures);
            is_within &= figures.excess(&case).is_empty();
        }
    }
    if is_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
