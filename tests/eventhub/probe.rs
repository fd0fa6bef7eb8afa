//! The harmless try of `check --connect`.

use std::sync::Arc;
use std::time::Duration;

use hub2siem::emulator::event_hub::{Condition, EventHubEmulator, Options, SharedAccessKey};
use hub2siem::eventhub::probe::probe;
use hub2siem::eventhub::{ConnectionString, HubSettings, StartPosition};
use hub2siem::finding::{Finding, Verdict};
use tokio::net::TcpListener;

use crate::support::{append, client, hub, read, reader, settings, start, within};

const LIMIT: Duration = Duration::from_secs(60);
/// The service's own words, without names.
const NO_LISTEN: &str = "Unauthorized access. 'Listen' claim(s) are required to perform this operation.";

pub async fn findings(settings: HubSettings) -> Vec<Finding> {
    let groups = [Arc::clone(&settings.consumer_group)];
    within(probe(settings, &groups, LIMIT)).await
}

/// Everything is right up to `stage`, which fails for `cause` and is mended by `fix`; what comes after waits for it.
pub fn ends_at(findings: &[Finding], stage: &str, cause: &str, fix: &str) {
    let at = findings.iter().position(|finding| finding.failure().is_some());
    let at = at.unwrap_or_else(|| panic!("nothing fails: {findings:#?}"));
    let problem = findings[at].failure().expect("it is the one that fails");
    assert_eq!(findings[at].stage, stage, "{findings:#?}");
    assert!(problem.cause.contains(cause), "{problem:?}");
    assert!(problem.fix.contains(fix), "{problem:?}");
    let waits = Verdict::Skipped(format!("waits for `{stage}`"));
    assert!(
        findings[at + 1..].iter().all(|finding| finding.verdict == waits),
        "{findings:#?}"
    );
    assert!(
        findings.len() > at + 1,
        "what is left untried is named: {findings:#?}"
    );
}

/// Scenario: the hub is there with two consumer groups; then a reader with an owner level has one partition by one of them.
/// Guarantees: every step is told, the reader keeps its partition, nothing is received, and nothing is left open.
#[tokio::test]
async fn finds_everything_in_order() {
    let hub = hub(2).await;
    append(&hub, 0, 2);
    let groups = [Arc::from("$Default"), Arc::from("siem")];
    let texts = async |settings: HubSettings| -> Vec<String> {
        let findings = within(probe(settings, &groups, LIMIT)).await;
        let text = |finding: &Finding| {
            let detail = finding
                .detail()
                .unwrap_or_else(|| panic!("it is right: {findings:#?}"));
            format!("{}: {detail}", finding.stage)
        };
        findings.iter().map(text).collect()
    };
    let found = texts(settings(&hub)).await;
    let beginnings = [
        "get a token: signed here with the key of policy `",
        "resolve the namespace: 127.0.0.1:",
        "connect: 127.0.0.1:",
        "open AMQP: SASL and AMQP 1.0",
        "authorize: `$cbs` takes the token",
        "find the hub: hub `defender` with 2 partitions, made ",
        "right to listen: events may be read",
        "consumer group $Default: is there",
        "partition 0 by $Default: can be read",
        "partition 1 by $Default: can be read",
        "consumer group siem: is there",
        "partition 0 by siem: can be read",
        "partition 1 by siem: can be read",
    ];
    assert_eq!(found.len(), beginnings.len(), "{found:#?}");
    for (text, beginning) in found.iter().zip(beginnings) {
        assert!(text.starts_with(beginning), "{text}");
    }
    assert_eq!(hub.statistics().events_sent, [0, 0]);

    let client = client(settings(&hub));
    let mut active = reader(&client, 0, StartPosition::Earliest);
    read(&mut active, 1).await;
    let found = texts(settings(&hub)).await;
    for (index, has_reader) in [(8, true), (9, false), (11, false)] {
        assert_eq!(
            found[index].contains("has an active reader, which keeps it"),
            has_reader,
            "{found:#?}"
        );
    }
    let (_, others) = read(&mut active, 1).await;
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(hub.statistics().events_sent, [2, 0]);
    active.close().await;
}

async fn locked_hub() -> EventHubEmulator {
    let mut options = Options::new("defender", 2);
    options.consumer_groups = vec!["siem".into()];
    options.key = Some(SharedAccessKey {
        name: "reader".to_owned(),
        key: "c2VjcmV0".to_owned(),
    });
    start(options).await
}

/// Scenario: one thing after another is wrong.
/// Guarantees: the walk ends at the step that fails, with the cause and what mends it; the steps after it say what they wait
/// for.
#[tokio::test]
async fn stops_at_what_is_wrong() {
    let hub = locked_hub().await;
    let good = settings(&hub);
    let credential_of = |text: &str| {
        let text = format!("Endpoint=sb://127.0.0.1;{text};EntityPath=defender");
        ConnectionString::parse(&text)
            .expect("it is well formed")
            .credential
    };

    let mut no_host = good.clone();
    no_host.hub.namespace = "nothing.invalid".into();
    ends_at(
        &findings(no_host).await,
        "resolve the namespace",
        "failed to resolve `nothing.invalid`",
        "private DNS zone",
    );
    let mut no_listener = good.clone();
    no_listener.port = 1;
    ends_at(
        &findings(no_listener).await,
        "connect",
        "refused",
        "outgoing connections",
    );
    let mut no_hub = good.clone();
    no_hub.hub.name = "other".into();
    ends_at(
        &findings(no_hub).await,
        "find the hub",
        "not_found",
        "`event_hub.name`",
    );
    let mut no_group = good.clone();
    no_group.consumer_group = "other".into();
    ends_at(
        &findings(no_group).await,
        "consumer group other",
        "not_found",
        "make the consumer group",
    );
    let mut wrong_key = good.clone();
    wrong_key.credential = credential_of("SharedAccessKeyName=reader;SharedAccessKey=d3Jvbmc=").into();
    ends_at(
        &findings(wrong_key).await,
        "authorize",
        "401",
        "compare policy and key",
    );
    hub.faults()
        .refuse_attach(Some(Condition::new("amqp:unauthorized-access", NO_LISTEN)));
    ends_at(
        &findings(good).await,
        "right to listen",
        NO_LISTEN,
        "give the policy of the key the Listen right",
    );
}

/// Scenario: a ready-made signature that is over; it is our clock that says so, and then the hub too.
/// Guarantees: the end of the signature and the time here are told before the refusal.
#[tokio::test]
async fn a_signature_that_is_over() {
    let hub = locked_hub().await;
    let mut over = settings(&hub);
    let text = "Endpoint=sb://127.0.0.1;SharedAccessSignature=SharedAccessSignature sr=sb%3a%2f%2fa&sig=YQ%3d%3d&se=1600000000&skn=reader;EntityPath=defender";
    over.credential = ConnectionString::parse(text)
        .expect("it is well formed")
        .credential
        .into();
    let findings = findings(over).await;
    let warning = findings[0].warning().expect("it is over");
    assert!(
        warning.cause.contains("ended at 2020-09-13T12:26:40"),
        "{warning:?}"
    );
    assert!(warning.fix.contains("set the clock"), "{warning:?}");
    ends_at(&findings, "authorize", "401", "the signature and its end");
}

/// Scenario: somebody takes the connection and says nothing; then the whole walk has less time than that.
/// Guarantees: the step that waited in vain is named, within its time, also where all time is over.
#[tokio::test]
async fn silence_is_bounded() {
    let hub = hub(1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut silent = settings(&hub);
    silent.port = listener.local_addr().expect("it is bound").port();
    silent.call_timeout = Duration::from_secs(2);
    ends_at(
        &findings(silent.clone()).await,
        "open AMQP",
        "not opened in time",
        "does not speak AMQP",
    );
    silent.call_timeout = Duration::from_secs(60);
    let groups = [Arc::from("$Default")];
    let findings = within(probe(silent, &groups, Duration::from_secs(4))).await;
    ends_at(&findings, "open AMQP", "no end after 4 s", "slow");
}

/// Scenario: five readers without owner level have the first partition; of two consumer groups one is missing.
/// Guarantees: only that partition fails, and only that consumer group; the others are tried all the same.
#[tokio::test]
async fn what_does_not_depend_is_tried_all_the_same() {
    let hub = locked_hub().await;
    let groups = [Arc::from("other"), Arc::from("siem")];
    let findings = within(probe(settings(&hub), &groups, LIMIT)).await;
    let of = |stage: &str| {
        let found = findings.iter().find(|finding| finding.stage == stage);
        &found.unwrap_or_else(|| panic!("{stage} is there")).verdict
    };
    assert!(matches!(of("right to listen"), Verdict::Ok(_)));
    assert!(matches!(of("consumer group other"), Verdict::Failed(_)));
    let waits = Verdict::Skipped("waits for `consumer group other`".to_owned());
    assert_eq!(
        (of("partition 0 by other"), of("partition 1 by other")),
        (&waits, &waits)
    );
    assert!(matches!(of("consumer group siem"), Verdict::Ok(_)));
    assert!(matches!(of("partition 1 by siem"), Verdict::Ok(_)));

    hub.faults().refuse_attach(Some(Condition::new(
        "amqp:resource-limit-exceeded",
        "Exceeded the maximum number of allowed receivers per partition in a consumer group which is 5.",
    )));
    let findings = within(probe(settings(&hub), &groups[1..], LIMIT)).await;
    let failed: Vec<_> = findings
        .iter()
        .filter(|finding| finding.failure().is_some())
        .map(|finding| finding.stage.as_str())
        .collect();
    assert_eq!(failed, ["partition 0 by siem", "partition 1 by siem"]);
}
