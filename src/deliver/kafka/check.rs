//! `check --connect`: asks the brokers about every topic, as a producer would, and writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use tokio::runtime::Handle;

use super::config::Key;
use super::exactly_once;
use super::feedback::Feedback;
use super::inbox::{Arrived, Inbox, Trouble};
use super::producer::{Producer, TopicState};
use super::settings::Settings;
use super::verdict;
use crate::finding::{Finding, Problem, Verdict};
use crate::telemetry::{BlockReason, Metrics};

/// How long an answer of the brokers may take; connections are tried several times meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether a connection was refused meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A topic that is there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// What it is like.
    pub(super) detail: String,
    /// What should be otherwise although records are taken, one line each.
    pub(super) warnings: Vec<String>,
}

/// What a topic's configuration says, as far as it matters.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct TopicOptions {
    pub(super) min_insync_replicas: Option<u32>,
    pub(super) max_message_bytes: Option<usize>,
    pub(super) is_compacted: bool,
    /// Whether old messages are removed, compacted or not.
    pub(super) deletes: bool,
}

/// Connects as the target would, and asks about each of its topics; that of positions is the last.
pub async fn check(settings: &Settings) -> Vec<Finding> {
    let since = Instant::now();
    let settings = &settings.asking();
    let topics = topics(settings);
    let inbox = Arc::<Inbox>::default();
    let feedback = Feedback {
        target: "check".into(),
        inbox: Arc::clone(&inbox),
        metrics: Arc::new(Metrics::new()),
        token: settings.token.clone(),
        runtime: Handle::current(),
        statistics: Default::default(),
    };
    let asked = (settings.clone(), topics.clone());
    let ask = tokio::task::spawn_blocking(move || ask(&asked.0, &asked.1, feedback, &inbox));
    let states = match ask.await.expect("asking does not panic and is not cancelled") {
        Ok(states) => states,
        Err(problem) => return vec![Finding::new("brokers", Verdict::Failed(problem), since)],
    };
    let options = options_of_topics(settings, &topics).await;
    let described = topics.into_iter().zip(states).zip(options);
    let judged = described.flat_map(|((topic, state), options)| {
        let result = match settings.topics.names().contains(&topic) {
            true => judge(state, options, settings),
            false => exactly_once::check::judge(state, options, settings.token.is_none()),
        };
        let verdicts = verdicts(result).into_iter();
        verdicts.map(move |verdict| Finding::new(format!("topic {topic}"), verdict, since))
    });
    judged.collect()
}

/// What is found of a topic: what it is like, and each thing that should be otherwise.
fn verdicts(result: Result<Found, Problem>) -> Vec<Verdict> {
    match result {
        Ok(Found { detail, warnings }) => {
            let warnings = warnings.into_iter();
            let warnings = warnings.map(|text| Verdict::Warning(Problem::new(text, "")));
            std::iter::once(Verdict::Ok(detail)).chain(warnings).collect()
        }
        Err(problem) => vec![Verdict::Failed(problem)],
    }
}

fn topics(settings: &Settings) -> Vec<String> {
    let positions = settings.exactly_once.as_ref();
    let positions = positions.map(|positions| positions.position_topic.clone());
    settings.topics.names().iter().cloned().chain(positions).collect()
}

/// What the brokers say of each topic, in the order of the topics.
fn ask(
    settings: &Settings,
    topics: &[String],
    feedback: Feedback,
    inbox: &Inbox,
) -> Result<Vec<TopicState>, Problem> {
    let producer = Producer::start(settings, feedback).map_err(|error| {
        Problem::new(
            error.to_string(),
            "correct the options under `librdkafka` and `tls`",
        )
    })?;
    let states = topics.iter().map(|topic| describe(topic, &producer, inbox));
    states.collect()
}

/// Asks about a topic until an answer comes, or a refusal, or time is up.
fn describe(topic: &str, producer: &Producer, inbox: &Inbox) -> Result<TopicState, Problem> {
    let until = Instant::now() + PATIENCE;
    let mut arrived = Arrived::default();
    loop {
        let error = match producer.describe(topic, LOOK_INTERVAL) {
            Ok(state) => return Ok(state),
            Err(error) => error,
        };
        let mut more = Arrived::default();
        inbox.take(&mut more);
        arrived.troubles.append(&mut more.troubles);
        if Instant::now() >= until || refusal(&arrived.troubles).is_some() {
            return Err(no_answer(&error.to_string(), &arrived.troubles));
        }
    }
}

/// What has to be mended, and the library's words for it, if a connection was refused for good.
fn refusal(troubles: &[Trouble]) -> Option<(BlockReason, &str)> {
    let mut refusals = troubles.iter().filter_map(|trouble| {
        let reason = verdict::of_connection(trouble.code, &trouble.detail)?;
        Some((reason, trouble.detail.as_str()))
    });
    refusals.next()
}

/// What the connections told says more than that no answer came.
fn no_answer(error: &str, troubles: &[Trouble]) -> Problem {
    let refusal = refusal(troubles);
    let fix = match refusal {
        Some((BlockReason::Tls, _)) => {
            "name the authority of the brokers' certificates as `tls.ca_file`, and the brokers as their certificates do; \
             brokers that want a certificate of ours need `tls.client_certificate`"
        }
        Some(_) => "compare `sasl.mechanism`, name and password or token with what the brokers know",
        None => {
            "check the addresses, the way there, and whether that listener speaks TLS (`tls: {}`) or asks for `sasl`"
        }
    };
    let outage = troubles
        .iter()
        .find(|trouble| trouble.code != RDKafkaErrorCode::AllBrokersDown);
    let outage = outage.map(|trouble| trouble.detail.as_str());
    let cause = refusal.map(|(_, detail)| detail).or(outage).unwrap_or(error);
    Problem::new(cause, fix)
}

fn judge(
    state: TopicState,
    options: Result<TopicOptions, String>,
    settings: &Settings,
) -> Result<Found, Problem> {
    let (partitions, replicas) = match state {
        TopicState::Present { partitions, replicas } => (partitions, replicas),
        TopicState::Refused(code) => {
            let fix = match code {
                RDKafkaErrorCode::TopicAuthorizationFailed => "allow us to describe it and to write to it",
                RDKafkaErrorCode::InvalidTopic => "correct `topic`",
                _ => "make it, or correct `topic`; it is not made by itself",
            };
            return Err(Problem::new(code.to_string(), fix));
        }
    };
    let mut found = Found {
        detail: format!(
            "there, with {partitions} partitions of {replicas} replicas; whether it may be written to cannot be tried \
             without a record"
        ),
        warnings: Vec::new(),
    };
    let mut warn = |text: String| found.warnings.push(text);
    let min_insync_replicas = options
        .as_ref()
        .ok()
        .and_then(|options| options.min_insync_replicas);
    warn_of_replicas(replicas, min_insync_replicas, &mut warn);
    match options {
        Ok(options) => warn_of_options(&options, settings, warn),
        Err(cause) => warn(format!("its configuration could not be read: {cause}")),
    }
    Ok(found)
}

/// What the failure of one broker takes with it.
pub(super) fn warn_of_replicas(
    replicas: usize,
    min_insync_replicas: Option<u32>,
    warn: &mut impl FnMut(String),
) {
    if replicas == 1 {
        warn("there is one replica: what it holds is lost with its disk".to_owned());
    }
    if min_insync_replicas == Some(1) && replicas > 1 {
        warn(
            "`min.insync.replicas` is 1: a record counts as delivered when one broker has it, and is lost with that one; \
             set 2"
            .to_owned(),
        );
    }
}

fn warn_of_options(options: &TopicOptions, settings: &Settings, mut warn: impl FnMut(String)) {
    let limit = settings.message_limit_bytes;
    if let Some(allowed) = options.max_message_bytes.filter(|allowed| *allowed < limit) {
        warn(format!(
            "`max.message.bytes` is {allowed}, below our `message_limit` of {limit}: records between go to the dead letters \
             only after a detour"
        ));
    }
    if options.is_compacted && settings.key == Key::None {
        warn("it is compacted, and takes no record without a key; `key: none` gives none".to_owned());
    }
}

/// Asked by a client of its own, for the producer cannot. In the order of the topics.
async fn options_of_topics(settings: &Settings, topics: &[String]) -> Vec<Result<TopicOptions, String>> {
    if settings.token.is_some() {
        // The library's client for such questions has no ear for the wish for a token.
        let cause = "not possible with `oauthbearer`".to_owned();
        return topics.iter().map(|_| Err(cause.clone())).collect();
    }
    let client = settings.client_config();
    let client = match client.create::<AdminClient<DefaultClientContext>>() {
        Ok(client) => client,
        Err(error) => return topics.iter().map(|_| Err(error.to_string())).collect(),
    };
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let resources: Vec<_> = topics
        .iter()
        .map(|topic| ResourceSpecifier::Topic(topic))
        .collect();
    match client.describe_configs(&resources, &options).await {
        Ok(results) => results
            .into_iter()
            .map(|result| {
                result
                    .map(|resource| TopicOptions::of(&resource))
                    .map_err(|code| code.to_string())
            })
            .collect(),
        Err(error) => topics.iter().map(|_| Err(error.to_string())).collect(),
    }
}

impl TopicOptions {
    fn of(resource: &ConfigResource) -> Self {
        let value = |name| resource.get(name).and_then(|entry| entry.value.as_deref());
        Self {
            min_insync_replicas: value("min.insync.replicas").and_then(|text| text.parse().ok()),
            max_message_bytes: value("max.message.bytes").and_then(|text| text.parse().ok()),
            is_compacted: value("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
            deletes: value("cleanup.policy").is_some_and(|policy| policy.contains("delete")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(yaml: &str) -> Settings {
        let options = serde_saphyr::from_str(yaml).expect("they are valid");
        Settings::new(&options).expect("they can be used")
    }

    #[test]
    fn what_weakens_the_promise_is_said() {
        let settings = settings("brokers: k:1\ntopic: mdc\nkey: none");
        let topic = |replicas, options| {
            let state = TopicState::Present {
                partitions: 3,
                replicas,
            };
            judge(state, Ok(options), &settings)
                .expect("it is there")
                .warnings
        };
        let safe = TopicOptions {
            min_insync_replicas: Some(2),
            max_message_bytes: Some(1_048_588),
            is_compacted: false,
            deletes: true,
        };
        assert_eq!(topic(3, safe.clone()), Vec::<String>::new());
        let cases = [
            (1, safe.clone(), "one replica"),
            (
                3,
                TopicOptions {
                    min_insync_replicas: Some(1),
                    ..safe.clone()
                },
                "`min.insync.replicas` is 1",
            ),
            (
                3,
                TopicOptions {
                    max_message_bytes: Some(1000),
                    ..safe.clone()
                },
                "is 1000, below",
            ),
            (
                3,
                TopicOptions {
                    is_compacted: true,
                    ..safe
                },
                "`key: none`",
            ),
        ];
        for (replicas, options, expected) in cases {
            let warnings = topic(replicas, options);
            assert!(
                warnings.len() == 1 && warnings[0].contains(expected),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn a_topic_that_is_refused_says_what_to_do() {
        let settings = settings("brokers: k:1\ntopic: mdc");
        for (code, expected) in [
            (RDKafkaErrorCode::UnknownTopicOrPartition, "make it"),
            (RDKafkaErrorCode::TopicAuthorizationFailed, "allow us"),
        ] {
            let problem = judge(TopicState::Refused(code), Err(String::new()), &settings);
            let problem = problem.expect_err("it is refused");
            assert!(problem.fix.contains(expected), "{problem:?}");
        }
    }
}
