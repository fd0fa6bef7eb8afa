//! How a bridge is set up for one test, and the configuration text that says the same.

use std::fmt::Write;

use super::items::Item;

/// Where a target's records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    Splunk,
    File,
}

/// One target.
#[derive(Debug, Clone)]
pub struct TargetPlan {
    pub name: &'static str,
    pub sink: Sink,
    /// Its own consumer group, if it has one.
    pub consumer_group: Option<&'static str>,
    /// The kinds its route takes; all if empty.
    pub kinds: &'static [&'static str],
    pub drops_snapshots: bool,
    /// Whether it gets only those snapshots that differ from what it last got.
    pub changes_only: bool,
    /// Further lines of the target, such as `on_map_error: native`.
    pub more: &'static str,
    pub mapping: &'static str,
    pub batch_records: u32,
    /// How long a receiver may be silent about what it took.
    pub acknowledgement_timeout: &'static str,
}

/// Everything that differs between tests.
#[derive(Debug, Clone)]
pub struct Plan {
    pub partitions: u32,
    pub targets: Vec<TargetPlan>,
    pub window_events: usize,
    pub window_bytes: &'static str,
    pub grace_period: &'static str,
    /// Further options of `event_hub`, such as `start: latest`.
    pub hub: String,
    pub dead_letter_limit: &'static str,
    pub unrouted_unknown: &'static str,
    /// Newest events the hub keeps in each partition; all if `None`.
    pub retention: Option<u64>,
}

/// The consumer group of targets that name none; the store writes names in lower case.
pub const DEFAULT_GROUP: &str = "$default";

impl TargetPlan {
    pub fn splunk(name: &'static str) -> Self {
        Self {
            name,
            sink: Sink::Splunk,
            consumer_group: None,
            kinds: &[],
            drops_snapshots: false,
            changes_only: false,
            more: "",
            mapping: "native",
            batch_records: 20,
            acknowledgement_timeout: "120s",
        }
    }

    pub fn file(name: &'static str) -> Self {
        Self {
            sink: Sink::File,
            ..Self::splunk(name)
        }
    }

    pub fn kinds(self, kinds: &'static [&'static str]) -> Self {
        Self { kinds, ..self }
    }

    pub fn group(self, name: &'static str) -> Self {
        Self {
            consumer_group: Some(name),
            ..self
        }
    }

    /// The group that feeds it, as the store and the metrics' readers compare it.
    pub fn group_name(&self) -> &'static str {
        self.consumer_group.unwrap_or(DEFAULT_GROUP)
    }

    /// Whether its route takes an item.
    pub fn routes(&self, item: &Item) -> bool {
        item.kind != "undecodable" && (self.kinds.is_empty() || self.kinds.contains(&item.kind))
    }

    /// Whether an item reaches it, unless it is a snapshot of what the target has.
    pub fn wants(&self, item: &Item) -> bool {
        self.routes(item) && !(item.is_snapshot && self.drops_snapshots)
    }
}

impl Plan {
    pub fn new(partitions: u32, targets: impl Into<Vec<TargetPlan>>) -> Self {
        Self {
            partitions,
            targets: targets.into(),
            window_events: 1000,
            window_bytes: "8MiB",
            grace_period: "60s",
            hub: String::new(),
            dead_letter_limit: "64MiB",
            unrouted_unknown: "dead_letter",
            retention: None,
        }
    }

    /// The consumer groups in name order.
    pub fn groups(&self) -> Vec<&'static str> {
        let mut groups: Vec<_> = self.targets.iter().map(TargetPlan::group_name).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// The group that sees to unknown records no route takes.
    pub fn unrouted_group(&self) -> &'static str {
        let groups = self.groups();
        match groups.contains(&DEFAULT_GROUP) {
            true => DEFAULT_GROUP,
            false => groups[0],
        }
    }

    /// The configuration as a user would write it, its state and secrets below `directory`; `endpoint` gives the
    /// address of a receiver by the name of its target.
    pub fn yaml(&self, directory: &str, endpoint: impl Fn(&str) -> String) -> String {
        let mut text = format!(
            "event_hub: {{ connection_string: {{ file: '{directory}/connection_string' }}, name: defender{hub} }}
checkpoint: {{ file: {{ directory: '{directory}/state' }} }}
dead_letter:
  file: {{ directory: '{directory}/dead-letters', limit: {limit} }}
  unrouted_unknown: {unrouted}
window: {{ events: {events}, bytes: {bytes} }}
grace_period: {grace}
mappings_directory: '{directory}/mappings'
http: {{ listen: 127.0.0.1:0 }}
reload: {{ watch: false }}
targets:
",
            hub = self.hub,
            limit = self.dead_letter_limit,
            unrouted = self.unrouted_unknown,
            events = self.window_events,
            bytes = self.window_bytes,
            grace = self.grace_period,
        );
        for target in &self.targets {
            target.write(&mut text, directory, &endpoint(target.name));
        }
        text
    }
}

impl TargetPlan {
    fn write(&self, text: &mut String, directory: &str, endpoint: &str) {
        let name = self.name;
        let sink = match self.sink {
            Sink::Splunk => format!(
                "splunk_hec: {{ endpoints: ['{endpoint}'], token: {{ file: '{directory}/token' }}, \
                 acknowledgement: required, acknowledgement_timeout: {}, \
                 batch: {{ records: {}, linger: 20ms }} }}",
                self.acknowledgement_timeout, self.batch_records
            ),
            Sink::File => format!("file: {{ path: '{directory}/{name}.jsonl' }}"),
        };
        let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a String cannot fail");
        line(&format!("  {name}:"));
        line(&format!("    {sink}"));
        line(&format!("    mapping: {}", self.mapping));
        if !self.kinds.is_empty() {
            line(&format!(
                "    route: {{ $record.kind: [{}] }}",
                self.kinds.join(", ")
            ));
        }
        if self.drops_snapshots {
            line("    snapshots: drop");
        }
        if self.changes_only {
            line("    snapshots: changes_only");
        }
        if let Some(group) = self.consumer_group {
            line(&format!("    consumer_group: {group}"));
        }
        if !self.more.is_empty() {
            line(&format!("    {}", self.more));
        }
    }
}
