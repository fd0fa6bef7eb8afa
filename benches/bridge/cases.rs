//! What is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hub2siem::emulator::generator::Generator;

use super::arguments::Arguments;
use super::peers::{Bridge, Hub};
use super::process::Usage;
use super::target::Target;

/// Unlike lines in the hub: more than a request holds, so that compression meets no more repetition than in life.
const LINES: usize = 4000;
const PARTITIONS: u32 = 4;
/// A case that takes longer than this, outage excluded, hangs.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Between two looks at the metrics: seldom enough to cost the bridge nothing.
const LOOK: Duration = Duration::from_millis(200);

/// One row of the table.
pub struct Case {
    pub name: &'static str,
    pub events: u64,
    /// Mean size of a body, in bytes.
    pub size: usize,
    /// Most CPU-seconds for a million events; none where the bridge also waits.
    pub cpu_bound: Option<f64>,
    /// Most resident memory, in MiB.
    pub memory_bound: f64,
    to: To,
    outage: Option<Duration>,
    lines: Vec<String>,
}

/// The kind of target it is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Mapped to `ecs`, gzip, with acknowledgement.
    SplunkHec,
    /// Mapped to `ecs`, lz4.
    Kafka,
    /// Mapped to `cef`, by TCP.
    Syslog,
    /// Mapped to `ecs`, by TCP.
    Relp,
}

/// What a case gave.
pub struct Figures {
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// Peak resident memory, in bytes.
    pub memory: u64,
}

/// All cases.
pub fn all(arguments: &Arguments) -> Vec<Case> {
    let (events, outage) = (arguments.events, Some(arguments.outage));
    let (assessment, alert) = (Generator::assessment, Generator::alert);
    vec![
        Case::new("assessment", events, assessment, To::SplunkHec, Some(20.0), None),
        Case::new("alert", events, alert, To::SplunkHec, Some(60.0), None),
        Case::new("alert, outage", events, alert, To::SplunkHec, None, outage),
        Case::new(
            "kafka, assessment",
            events,
            assessment,
            To::Kafka,
            Some(25.0),
            None,
        ),
        Case::new(
            "syslog, assessment",
            events,
            assessment,
            To::Syslog,
            Some(15.0),
            None,
        ),
        Case::new("relp, assessment", events, assessment, To::Relp, Some(25.0), None),
    ]
}

impl Case {
    fn new(
        name: &'static str,
        events: u64,
        body: fn(&mut Generator) -> Bytes,
        to: To,
        cpu_bound: Option<f64>,
        outage: Option<Duration>,
    ) -> Self {
        let mut generator = Generator::new(1);
        let lines: Vec<String> = (1..=LINES)
            .map(|number| numbered(&body(&mut generator), number))
            .collect();
        let size = lines.iter().map(String::len).sum::<usize>() / LINES;
        Self {
            name,
            events,
            size,
            cpu_bound,
            memory_bound: 64.0,
            to,
            outage,
            lines,
        }
    }

    /// Starts the three processes, waits until every event is acknowledged, and ends them.
    pub fn run(&self) -> Figures {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let directory = directory.path();
        let hub = Hub::start(&self.file(directory), self.repeat(), PARTITIONS);
        let mut target = Target::start(self.to);
        let start = Instant::now();
        let bridge = Bridge::start(directory, &hub.connection_string, &target);
        let mut away = Duration::ZERO;
        if let Some(outage) = self.outage {
            self.wait(&bridge, self.total() / 5);
            // Not a wait for a state: the length of the outage is what is measured.
            target.outage(|| thread::sleep(outage));
            away = outage;
        }
        self.wait(&bridge, self.total());
        let seconds = (start.elapsed() - away).as_secs_f64();
        let usage = Usage::of(bridge.id());
        drop((bridge, target, hub));
        Figures {
            seconds,
            cpu_seconds: usage.cpu_seconds,
            memory: usage.peak_memory,
        }
    }

    /// Events that are sent: the next multiple of the lines.
    pub fn total(&self) -> u64 {
        self.repeat() * LINES as u64
    }

    fn repeat(&self) -> u64 {
        self.events.div_ceil(LINES as u64)
    }

    fn wait(&self, bridge: &Bridge, delivered: u64) {
        let start = Instant::now();
        while bridge.delivered() < delivered {
            assert!(
                start.elapsed() < PATIENCE,
                "{}: not delivered within {PATIENCE:?}",
                self.name
            );
            thread::sleep(LOOK);
        }
    }

    fn file(&self, directory: &Path) -> PathBuf {
        let path = directory.join("events.jsonl");
        fs::write(&path, self.lines.join("\n") + "\n").expect("the directory is writable");
        path
    }
}

impl Figures {
    /// CPU-seconds of the bridge for a million events.
    pub fn cpu_per_million(&self, case: &Case) -> f64 {
        self.cpu_seconds * 1e6 / case.total() as f64
    }

    /// Peak resident memory in MiB.
    pub fn memory_mib(&self) -> f64 {
        self.memory as f64 / f64::from(1 << 20)
    }

    /// What is above its bound, in words.
    pub fn excess(&self, case: &Case) -> Vec<&'static str> {
        let mut excess = Vec::new();
        if case
            .cpu_bound
            .is_some_and(|bound| self.cpu_per_million(case) > bound)
        {
            excess.push("CPU");
        }
        if self.memory_mib() > case.memory_bound {
            excess.push("memory");
        }
        excess
    }
}

/// A body whose running number the hub replaces, so that each event has an id of its own.
fn numbered(body: &Bytes, number: usize) -> String {
    let text = std::str::from_utf8(body).expect("JSON is UTF-8");
    let numbered = text.replace(&format!("-{number:07}"), "-{{sequence}}");
    assert_ne!(numbered, text, "the body bears no running number");
    numbered
}
