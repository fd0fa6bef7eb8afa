//! CPU time and memory of a process, from `/proc`.

use std::fs;

/// Clock ticks of `/proc/<id>/stat` in a second: fixed at 100 in what Linux shows to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has used since it started.
pub struct Usage {
    /// User and system time of all threads.
    pub cpu_seconds: f64,
    /// Highest resident size, in bytes.
    pub peak_memory: u64,
}

impl Usage {
    /// Usage of the running process `id`.
    pub fn of(id: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("the process runs");
        // The name may hold spaces; behind its parenthesis stand the fields from the third on.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |field: usize| fields[field - 3].parse::<f64>().expect("a number");
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Self {
            cpu_seconds: (ticks(14) + ticks(15)) / TICKS_PER_SECOND,
            peak_memory: kilobytes.expect("Linux shows the peak") * 1024,
        }
    }
}
