//! The hub read with tokens of the authority.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hub2siem::credential::{Audience, TokenSource};
use hub2siem::emulator::event_hub::{Condition, EventHubEmulator, Options};
use hub2siem::event::{PartitionId, Timestamp};
use hub2siem::eventhub::probe::probe;
use hub2siem::eventhub::{Credential, EndReason, HubSettings, PartitionReader, StartPosition, Step};

use crate::entra::{Entra, Refusal, SECRET, client_secret, file};
use crate::support::{append, client, next, numbers, read, read_until, reader, settings, start, within};

async fn hub_of(entra: &Entra) -> EventHubEmulator {
    let mut options = Options::new("defender", 2);
    options.authority = Some(entra.for_hub());
    start(options).await
}

fn settings_with(hub: &EventHubEmulator, source: &TokenSource) -> HubSettings {
    HubSettings {
        credential: Credential::Entra(source.clone()).into(),
        ..settings(hub)
    }
}

fn ended(step: &Step) -> Option<EndReason> {
    match step {
        Step::Detached { reason, .. } => Some(*reason),
        _ => None,
    }
}

/// Takes in what comes, one new event after the other, until `enough`; every event must come once, and no link may end.
async fn receive_until(
    hub: &EventHubEmulator,
    reader: &mut PartitionReader,
    first: i64,
    enough: impl Fn() -> bool,
) -> i64 {
    let mut number = first;
    within(async {
        while !enough() {
            append(hub, 0, 1);
            let (events, others) = read(reader, 1).await;
            assert_eq!(numbers(&events), [number]);
            assert!(others.iter().all(|step| ended(step).is_none()), "{others:?}");
            number += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    number
}

/// Scenario: tokens live for 14 s, and are renewed while events are received; for a while the authority is away, shorter than
/// the token lives.
/// Guarantees: nothing is detached, nothing reconnects, every event comes once.
#[tokio::test]
async fn tokens_are_renewed_while_events_are_received() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    entra.state().lifetime_seconds = 14;
    let hub = hub_of(&entra).await;
    let source = entra.source(&client_secret(secret.path()));
    let client = client(settings_with(&hub, &source));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let number = receive_until(&hub, &mut reader, 0, || hub.statistics().tokens >= 3).await;
    entra.state().outage = Some(Refusal::status(503));
    let requests = entra.requests();
    let number = receive_until(&hub, &mut reader, number, || entra.requests() > requests).await;
    entra.state().outage = None;
    let tokens = hub.statistics().tokens;
    receive_until(&hub, &mut reader, number, || hub.statistics().tokens > tokens + 1).await;
    let statistics = hub.statistics();
    assert_eq!((statistics.connections, statistics.attaches), (1, 1));
    reader.close().await;
}

/// Scenario: the authority stays away until the token in use has ended, and comes back.
/// Guarantees: the link ends with the token, the state names the credential and its cause, and reading goes on where it was.
#[tokio::test]
async fn an_expired_token_costs_the_link_and_no_event() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    entra.state().lifetime_seconds = 3;
    // A token that the hub refuses while it is good by our clock would be one without a right: that is waited for.
    entra.state().leeway_seconds = 5;
    let hub = hub_of(&entra).await;
    let source = entra.source(&client_secret(secret.path()));
    let client = client(settings_with(&hub, &source));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    append(&hub, 0, 10);
    let (events, _) = read(&mut reader, 10).await;
    assert_eq!(numbers(&events), (0..10).collect::<Vec<_>>());
    entra.state().outage = Some(Refusal::status(503));
    let step = next(&mut reader, 1).await;
    assert_eq!(ended(&step), Some(EndReason::Unauthorized), "{step:?}");
    append(&hub, 0, 10);
    let is_unavailable = |step: &Step| ended(step) == Some(EndReason::CredentialUnavailable);
    let step = read_until(&mut reader, is_unavailable).await;
    let Step::Detached { detail, .. } = &step else {
        panic!("{step:?}");
    };
    let expected = "no token of Microsoft Entra ID by `client_secret`: HTTP status 503";
    assert!(detail.starts_with(expected), "{detail}");
    entra.state().outage = None;
    let (events, others) = read(&mut reader, 10).await;
    assert_eq!(numbers(&events), (10..20).collect::<Vec<_>>());
    assert!(
        !others
            .iter()
            .any(|step| matches!(step, Step::Lost { .. } | Step::Missing { .. }))
    );
    reader.close().await;
}

/// Scenario: a token is due, and the authority takes the request for a newer one and never answers.
/// Guarantees: requests, links and further connections go on with the token that is good still; the authority is asked once.
#[tokio::test]
async fn a_silent_authority_stalls_nobody() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    entra.state().lifetime_seconds = 24;
    let hub = hub_of(&entra).await;
    let source = entra.source(&client_secret(secret.path()));
    let client = client(settings_with(&hub, &source));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    append(&hub, 0, 1);
    read(&mut reader, 1).await;
    entra.state().is_silent = true;
    within(async {
        while entra.requests() == 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for (partition, is_empty) in [("0", false), ("1", true)] {
        let partition = PartitionId::new(partition);
        let properties = within(client.partition_properties(&partition)).await;
        assert_eq!(properties.expect("the hub answers").is_empty, is_empty);
    }
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [1]);
    assert!(others.iter().all(|step| ended(step).is_none()), "{others:?}");
    assert_eq!(entra.requests(), 2);
    let held = within(source.token(Audience::EventHubs)).await;
    assert!(held.is_ok_and(|held| held.expires_at > Timestamp::now()));
    reader.close().await;
}

/// Scenario: the secret is wrong; a credential with the right one takes its place, as by a reload.
/// Guarantees: the wrong one is told with its remedy; the right one is tried at once and not after the wait.
#[tokio::test]
async fn another_credential_is_tried_at_once() {
    let (entra, wrong, right) = (Entra::start().await, file("Q~wrong"), file(SECRET));
    let hub = hub_of(&entra).await;
    append(&hub, 0, 1);
    let source = entra.source(&client_secret(wrong.path()));
    let settings = settings_with(&hub, &source);
    let credential = settings.credential.clone();
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let step = next(&mut reader, 1).await;
    let Step::Detached {
        reason,
        detail,
        retry_after,
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(
        (reason, retry_after),
        (EndReason::CredentialRefused, Duration::from_secs(60))
    );
    assert!(detail.contains("give the value of the client secret"), "{detail}");
    assert_eq!(
        hub.statistics().connections,
        0,
        "without a token there is nothing to connect for"
    );
    let replaced = Instant::now();
    credential.replace(Credential::Entra(entra.source(&client_secret(right.path()))));
    let (events, _) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [0]);
    assert!(replaced.elapsed() < retry_after, "{:?}", replaced.elapsed());
    reader.close().await;
}

/// Scenario: the hub refuses the identity, which has no role yet; the role is given.
/// Guarantees: the reader says so, and uses another token at its next try: the first one does not know the role.
#[tokio::test]
async fn a_refused_identity_comes_with_another_token() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    let hub = hub_of(&entra).await;
    hub.faults().reject_tokens(true);
    let source = entra.source(&client_secret(secret.path()));
    let settings = settings_with(&hub, &source);
    let credential = settings.credential.clone();
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let step = next(&mut reader, 1).await;
    assert_eq!(ended(&step), Some(EndReason::Unauthorized), "{step:?}");
    hub.faults().reject_tokens(false);
    // In place of the minutes until the next try.
    credential.replace(credential.get());
    read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
    assert_eq!(entra.requests(), 2);
    reader.close().await;
}

/// Scenario: the service ends the links of a connection just after its token was put, and blames the token.
/// Guarantees: the same token is put again and the links come back; Entra ID is not asked for one by every link.
#[tokio::test]
async fn a_token_that_was_just_put_is_not_to_blame() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    let hub = hub_of(&entra).await;
    let source = entra.source(&client_secret(secret.path()));
    let client = client(settings_with(&hub, &source));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    append(&hub, 0, 1);
    read(&mut reader, 1).await;
    hub.faults()
        .detach(0, Condition::new("amqp:unauthorized-access", "by a test"));
    append(&hub, 0, 1);
    let (events, others) = read(&mut reader, 1).await;
    assert_eq!(numbers(&events), [1]);
    let ends: Vec<_> = others.iter().filter_map(ended).collect();
    assert_eq!(ends, [EndReason::Unauthorized]);
    assert_eq!((hub.statistics().tokens, entra.requests()), (2, 1));
    reader.close().await;
}

/// Scenario: two consumer groups and many partitions read with one credential.
/// Guarantees: one request to the authority serves them all.
#[tokio::test]
async fn one_token_serves_every_connection() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    let hub = hub_of(&entra).await;
    let source = entra.source(&client_secret(secret.path()));
    let clients = ["$Default", "other"].map(|group| {
        client(HubSettings {
            consumer_group: group.into(),
            ..settings_with(&hub, &source)
        })
    });
    let mut readers = Vec::new();
    for client in &clients {
        for partition in 0..2 {
            let mut reader = reader(&Arc::clone(client), partition, StartPosition::Earliest);
            read_until(&mut reader, |step| matches!(step, Step::Attached { .. })).await;
            readers.push(reader);
        }
    }
    assert_eq!((hub.statistics().connections, entra.requests()), (4, 1));
    for reader in readers {
        reader.close().await;
    }
}

/// Scenario: `check --connect` with a good credential, with one that is refused, and with one without a right.
/// Guarantees: the token is the first finding; its failure ends the check with the remedy; a missing right names the role.
#[tokio::test]
async fn the_probe_begins_with_a_token() {
    let (entra, right, wrong) = (Entra::start().await, file(SECRET), file("Q~wrong"));
    let hub = hub_of(&entra).await;
    let of =
        |secret: &tempfile::NamedTempFile| settings_with(&hub, &entra.source(&client_secret(secret.path())));
    let probe = async |settings: HubSettings| {
        let groups = [Arc::clone(&settings.consumer_group)];
        within(probe(settings, &groups, Duration::from_secs(60))).await
    };
    let findings = probe(of(&right)).await;
    assert!(
        findings.iter().all(|finding| finding.detail().is_some()),
        "{findings:#?}"
    );
    assert_eq!(findings[0].stage, "get a token");
    assert_eq!(findings[1].stage, "compare clocks");
    let findings = probe(of(&wrong)).await;
    let problem = findings[0].failure().expect("it is refused");
    assert!(problem.cause.contains("AADSTS7000215"), "{problem:?}");
    assert!(problem.fix.contains("value of the client secret"), "{problem:?}");
    hub.faults().reject_tokens(true);
    let findings = probe(of(&right)).await;
    let failed = findings.iter().find(|finding| finding.failure().is_some());
    let failed = failed.expect("the token is refused");
    assert_eq!(failed.stage, "authorize");
    let problem = failed.failure().expect("it is the one");
    assert!(
        problem.fix.contains("Azure Event Hubs Data Receiver"),
        "{problem:?}"
    );
}

/// Scenario: the authority's clock is two hours ahead.
/// Guarantees: `check --connect` says by how much the clock of this machine is wrong.
#[tokio::test]
async fn the_probe_compares_clocks() {
    let (entra, right) = (Entra::start().await, file(SECRET));
    entra.state().skew_seconds = 7200;
    let hub = hub_of(&entra).await;
    let settings = settings_with(&hub, &entra.source(&client_secret(right.path())));
    let groups = [Arc::clone(&settings.consumer_group)];
    let findings = within(probe(settings, &groups, Duration::from_secs(60))).await;
    let clock = findings.iter().find(|finding| finding.stage == "compare clocks");
    let warning = clock.expect("it is compared").warning().expect("it is wrong");
    assert!(
        warning.cause.contains("s behind that of Microsoft Entra ID"),
        "{warning:?}"
    );
}
