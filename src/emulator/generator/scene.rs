//! The values of one item, so that a template can name the same machine, account and moment in several places.

use std::io::Write;

use super::estate::{self, Estate, Subscription, write_guid, write_hex};
use super::random::{Random, mix};
use super::ticks::{Ticks, write_digits};

/// One snapshot item in this many posture items.
const SNAPSHOT_EVERY: u64 = 7;
/// One `Delete` in this many streaming posture items.
const DELETE_EVERY: u64 = 12;

/// Declares the placeholders once: variant and name in a template.
macro_rules! placeholders {
    ($($variant:ident = $name:literal,)*) => {
        /// What a template may ask for as `{{name}}`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Placeholder { $($variant,)* }

        impl Placeholder {
            /// The placeholder called `name`.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

placeholders! {
    Id = "id", Number = "number", Subscription = "subscription", Tenant = "tenant", Workspace = "workspace",
    Account = "account", Agent = "agent", ResourceGroup = "resource_group", Machine = "machine", User = "user",
    Cluster = "cluster", Repository = "repository", Project = "project", Region = "region", Address = "address",
    Port = "port", ProcessId = "process_id", Digest = "digest",
    Ticks = "ticks", Start = "start", End = "end", Generated = "generated",
    GeneratedMilliseconds = "generated_milliseconds", Processed = "processed", Changed = "changed",
    FirstEvaluated = "first_evaluated",
    Action = "action", Snapshot = "snapshot", Status = "status", Cause = "cause",
    Healthy = "healthy", Unhealthy = "unhealthy", NotApplicable = "not_applicable", Weight = "weight",
    ScoreMax = "score_max", ScoreCurrent = "score_current", ScorePercentage = "score_percentage",
}

impl Placeholder {
    /// Whether the value is a JSON number or boolean: where the placeholder is a whole string, its quotes fall away.
    pub fn is_bare(self) -> bool {
        matches!(
            self,
            Self::Snapshot
                | Self::Healthy
                | Self::Unhealthy
                | Self::NotApplicable
                | Self::Weight
                | Self::ScoreMax
                | Self::ScoreCurrent
                | Self::ScorePercentage
        )
    }
}

/// The values of one item. None needs escaping in JSON.
pub struct Scene<'e> {
    subscription: &'e Subscription,
    /// Number of the item since the generator began; makes resource names unique.
    number: u64,
    /// The same, mixed with the seed: makes GUIDs unique.
    unique: u64,
    random: [u64; 4],
    resource_group: &'static str,
    role: &'static str,
    user: &'static str,
    cluster: &'static str,
    repository: &'static str,
    project: &'static str,
    region: &'static str,
    network: [u8; 3],
    generated: Ticks,
    start: Ticks,
    changed: Ticks,
    is_snapshot: bool,
    action: &'static str,
    status: &'static str,
    cause: &'static str,
    healthy: u64,
    unhealthy: u64,
    not_applicable: u64,
    score_max: u64,
}

impl<'e> Scene<'e> {
    /// The item `number` of the generator with `seed`, written at about `now`.
    pub fn new(estate: &'e Estate, seed: u64, number: u64, now: Ticks, random: &mut Random) -> Self {
        let is_snapshot = random.below(SNAPSHOT_EVERY) == 0;
        let is_delete = !is_snapshot && random.below(DELETE_EVERY) == 0;
        let (status, cause) = random.pick(&[
            ("Unhealthy", ""),
            ("Unhealthy", ""),
            ("Healthy", ""),
            ("Healthy", ""),
            ("NotApplicable", "OffByPolicy"),
            ("NotApplicable", "Exempt"),
        ]);
        let generated = now.before(random.below(90 * Ticks::SECOND as u64) as i64);
        Self {
            subscription: &estate.subscriptions[random.below(estate.subscriptions.len() as u64) as usize],
            number,
            unique: mix(number ^ seed.rotate_left(32)),
            random: [random.next(), random.next(), random.next(), random.next()],
            resource_group: random.pick(&estate::RESOURCE_GROUPS),
            role: random.pick(&estate::ROLES),
            user: random.pick(&estate::USERS),
            cluster: random.pick(&estate::CLUSTERS),
            repository: random.pick(&estate::REPOSITORIES),
            project: random.pick(&estate::PROJECTS),
            region: random.pick(&estate::REGIONS),
            network: random.pick(&estate::NETWORKS),
            generated,
            start: generated.before(1 + random.below(600 * Ticks::SECOND as u64) as i64),
            changed: generated.before(random.below(120 * Ticks::DAY as u64) as i64),
            is_snapshot,
            action: if is_delete { "Delete" } else { "Insert" },
            status,
            cause,
            healthy: random.below(200),
            unhealthy: random.below(40),
            not_applicable: random.below(10),
            score_max: random.below(11),
        }
    }

    /// Appends the value of `placeholder`.
    pub fn write(&self, placeholder: Placeholder, output: &mut Vec<u8>) {
        let text = match placeholder {
            Placeholder::Id => return write_guid(self.unique, self.random[0], output),
            Placeholder::Agent => return write_guid(self.random[1], self.random[2], output),
            Placeholder::Digest => return self.random.iter().for_each(|part| write_hex(*part, 16, output)),
            Placeholder::ProcessId => {
                output.extend_from_slice(b"0x");
                return write_hex(self.random[3], 4, output);
            }
            Placeholder::Account => return write_digits(self.subscription.account, 12, output),
            Placeholder::Number => return write_digits(self.number as i64, 7, output),
            Placeholder::Port => {
                return write_digits(10_000 + (self.random[3] >> 48) as i64 % 50_000, 5, output);
            }
            Placeholder::Machine => return self.write_named(self.role, output),
            Placeholder::Cluster => return self.write_named(self.cluster, output),
            Placeholder::Repository => return self.write_named(self.repository, output),
            Placeholder::Address => return self.write_address(output),
            Placeholder::Ticks => return write_digits(self.start.descending(), 19, output),
            Placeholder::Start => return self.start.write(7, output),
            Placeholder::End => return self.start.after((self.random[0] >> 40) as i64).write(7, output),
            Placeholder::Generated => return self.generated.write(7, output),
            Placeholder::GeneratedMilliseconds => return self.generated.write(3, output),
            Placeholder::Processed => {
                return self
                    .generated
                    .after((self.random[1] >> 40) as i64)
                    .write(7, output);
            }
            Placeholder::Changed => return self.changed.write(7, output),
            Placeholder::FirstEvaluated => return self.changed.before(30 * Ticks::DAY).write(7, output),
            Placeholder::Healthy => return write_number(self.healthy, output),
            Placeholder::Unhealthy => return write_number(self.unhealthy, output),
            Placeholder::NotApplicable => return write_number(self.not_applicable, output),
            Placeholder::Weight => return write_number(self.healthy + self.unhealthy, output),
            Placeholder::ScoreMax => return write_number(self.score_max, output),
            Placeholder::ScoreCurrent => return write_ratio(self.score_max as f64 * self.ratio(), 2, output),
            Placeholder::ScorePercentage if self.score_max == 0 => "0",
            Placeholder::ScorePercentage => return write_ratio(self.ratio(), 4, output),
            Placeholder::Subscription => &self.subscription.id,
            Placeholder::Tenant => &self.subscription.tenant,
            Placeholder::Workspace => &self.subscription.workspace,
            Placeholder::ResourceGroup => self.resource_group,
            Placeholder::User => self.user,
            Placeholder::Project => self.project,
            Placeholder::Region => self.region,
            Placeholder::Action => self.action,
            Placeholder::Snapshot if self.is_snapshot => "true",
            Placeholder::Snapshot => "false",
            Placeholder::Status => self.status,
            Placeholder::Cause => self.cause,
        };
        output.extend_from_slice(text.as_bytes());
    }

    /// A resource name no other item of this generator has.
    fn write_named(&self, stem: &str, output: &mut Vec<u8>) {
        output.extend_from_slice(stem.as_bytes());
        output.push(b'-');
        write_digits(self.number as i64, 7, output);
    }

    fn write_address(&self, output: &mut Vec<u8>) {
        for byte in self.network {
            write_number(u64::from(byte), output);
            output.push(b'.');
        }
        write_number(1 + (self.random[2] >> 32) % 254, output);
    }

    fn ratio(&self) -> f64 {
        let counted = self.healthy + self.unhealthy;
        if counted == 0 {
            0.0
        } else {
            self.healthy as f64 / counted as f64
        }
    }
}

fn write_number(number: u64, output: &mut Vec<u8>) {
    write!(output, "{number}").expect("writing to a Vec cannot fail");
}

fn write_ratio(ratio: f64, digits: usize, output: &mut Vec<u8>) {
    write!(output, "{ratio:.digits$}").expect("writing to a Vec cannot fail");
}
