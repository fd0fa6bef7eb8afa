//! The command line of the benchmark.

use std::time::Duration;

/// What `--help` and a mistake print.
pub const USAGE: &str = "\
usage: ./scripts/bench [--quick] [--events N] [--only NAME]
  --quick       50,000 events and an outage of 10 s, for a first look
  --events N    events of each case, 500,000 without it
  --only NAME   only the cases whose name contains NAME: assessment, alert, outage, syslog, relp";

/// How much is measured.
pub struct Arguments {
    pub events: u64,
    pub outage: Duration,
    only: String,
}

impl Arguments {
    /// Reads the command line; `None` unless cargo started a benchmark.
    pub fn parse(given: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut arguments = Self {
            events: 500_000,
            outage: Duration::from_secs(60),
            only: String::new(),
        };
        let mut is_benchmark = false;
        let mut given = given;
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--bench" => is_benchmark = true,
                "--quick" => (arguments.events, arguments.outage) = (50_000, Duration::from_secs(10)),
                "--events" => {
                    let number = given.next().ok_or("`--events` needs a number")?;
                    arguments.events = number.parse().map_err(|_| format!("`{number}` is no number"))?;
                }
                "--only" => arguments.only = given.next().ok_or("`--only` needs a name")?,
                other => return Err(format!("unknown option `{other}`")),
            }
        }
        Ok(is_benchmark.then_some(arguments))
    }

    /// Whether a case is chosen.
    pub fn wants(&self, case: &str) -> bool {
        case.contains(&self.only)
    }
}
