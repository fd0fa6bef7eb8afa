//! How it is printed: Markdown for `docs/benchmarks.md`.

use std::fs;

use super::arguments::Arguments;
use super::cases::{Case, Figures};

/// Says what was measured on.
pub fn print_machine(arguments: &Arguments) {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!(
        "{}, {cores} cores, Linux {}; {} events a case, outage {} s\n",
        model.map_or("unknown processor", |(_, model)| model),
        kernel.trim(),
        arguments.events,
        arguments.outage.as_secs()
    );
}

/// The head of the table.
pub fn print_head() {
    println!(
        "| case | bytes | events | events/s | CPU-seconds per million (bound) | peak memory, MiB (bound) | |"
    );
    println!("|---|---:|---:|---:|---:|---:|---|");
}

/// One case.
pub fn print_row(case: &Case, figures: &Figures) {
    let bound = case
        .cpu_bound
        .map_or("none".to_owned(), |bound| format!("{bound:.0}"));
    let excess = figures.excess(case);
    println!(
        "| {} | {} | {} | {:.0} | {:.1} ({bound}) | {:.1} ({:.0}) | {} |",
        case.name,
        case.size,
        case.total(),
        case.total() as f64 / figures.seconds,
        figures.cpu_per_million(case),
        figures.memory_mib(),
        case.memory_bound,
        if excess.is_empty() {
            "within".to_owned()
        } else {
            format!("above: {}", excess.join(", "))
        },
    );
}
