//! The harmless try of `check --connect`.

use hub2siem::emulator::event_hub::{Condition, Options};
use hub2siem::eventhub::probe::{Finding, Stage, probe};
use hub2siem::eventhub::{EndReason, HubSettings, StartPosition};

use crate::support::{append, client, hub, read, reader, settings, start, within};

async fn findings(settings: HubSettings) -> Vec<Finding> {
    within(probe(settings)).await
}

/// Scenario: the hub is there, first without and then with an active reader.
/// Guarantees: every step is told, the reader keeps its partition, and nothing is left open.
#[tokio::test]
async fn finds_everything_in_order() {
    let hub = hub(2).await;
    append(&hub, 0, 2);
    let texts = |findings: &[Finding]| -> Vec<String> {
        findings
            .iter()
            .map(|finding| finding.outcome.clone().expect("it went well"))
            .collect()
    };
    let found = texts(&findings(settings(&hub)).await);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(
        found[3].starts_with("hub `defender` with 2 partitions"),
        "{found:?}"
    );
    assert_eq!(found[4], "`$Default` can be read");

    let client = client(settings(&hub));
    let mut active = reader(&client, 0, StartPosition::Earliest);
    read(&mut active, 1).await;
    let found = texts(&findings(settings(&hub)).await);
    assert_eq!(found[4], "`$Default` has an active reader");
    let (_, others) = read(&mut active, 1).await;
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(hub.statistics().events_sent, [2, 0]);
    active.close().await;
}

/// Scenario: one thing after another is wrong.
/// Guarantees: the try ends at the step that fails, with the class of the cause and a hint.
#[tokio::test]
async fn stops_at_what_is_wrong() {
    let mut options = Options::new("defender", 1);
    options.consumer_groups = vec!["siem".into()];
    let hub = start(options).await;

    let mut no_host = settings(&hub);
    no_host.hub.namespace = "nothing.invalid".into();
    let mut no_listener = settings(&hub);
    no_listener.port = 1;
    let mut no_hub = settings(&hub);
    no_hub.hub.name = "other".into();
    let mut no_group = settings(&hub);
    no_group.consumer_group = "other".into();
    for (settings, stage, reason) in [
        (no_host, Stage::Resolve, EndReason::ConnectFailed),
        (no_listener, Stage::Connect, EndReason::ConnectFailed),
        (no_hub, Stage::Authorize, EndReason::NotFound),
        (no_group, Stage::ConsumerGroup, EndReason::NotFound),
    ] {
        check(settings, stage, reason).await;
    }
    hub.faults().reject_tokens(true);
    check(settings(&hub), Stage::Authorize, EndReason::Unauthorized).await;
    hub.faults().reject_tokens(false);
    hub.faults()
        .refuse_attach(Some(Condition::new("amqp:resource-limit-exceeded", "5 readers")));
    check(settings(&hub), Stage::ConsumerGroup, EndReason::ResourceLimit).await;
}

async fn check(settings: HubSettings, stage: Stage, reason: EndReason) {
    let findings = findings(settings).await;
    let (last, before) = findings.split_last().expect("there is at least one");
    let end = last.outcome.as_ref().expect_err("it fails");
    assert_eq!((last.stage, end.reason), (stage, reason), "{end}");
    assert!(last.hint().is_some());
    assert!(before.iter().all(|finding| finding.outcome.is_ok()), "{before:?}");
}
