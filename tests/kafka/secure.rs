//! TLS and logins at a real broker.

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hub2siem::deliver::kafka;
use hub2siem::event::{PartitionId, Timestamp};
use hub2siem::telemetry::health::BlockReason;
use tempfile::NamedTempFile;

use super::bench::{QUICK, all_settled, keeping, settings, start_with};
use super::kafka_broker::options::Login;
use super::kafka_broker::{Broker, Certificates, Isolation, Options, jars};
use super::stage::Account;

/// A claim takes several clients, one after another.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(text.as_bytes()).expect("it can be written");
    file
}

async fn delivers(address: String, lines: &str) {
    let lines = format!("topic: mdc\n{lines}\nlibrdkafka: {{ {QUICK} }}");
    let mut stage = start_with(settings(&[address], &lines));
    stage.send(5).await;
    all_settled(&stage).await;
    assert_eq!(stage.close().await, Account::delivered(5));
}

/// The target is blocked for `reason` and nothing settles; `check --connect` says what to do.
async fn is_refused(address: String, lines: &str, reason: BlockReason, fix: &str) {
    let lines = format!("topic: mdc\n{lines}\nlibrdkafka: {{ {QUICK} }}");
    let settings = settings(&[address], &lines);
    let findings = kafka::check(&settings).await;
    let problem = findings[0].failure().expect("it is refused");
    assert!(problem.fix.contains(fix), "{problem:?}");
    let mut stage = start_with(settings);
    stage.send(5).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, reason, "{blocked:?}");
    stage.abandon.cancel();
    assert_eq!(stage.close().await.unsettled.len(), 5);
}

/// Scenario: a broker with a certificate of our authority that wants one of ours; clients with both, without ours, without
/// the authority, and one that asks nothing.
/// Guarantees: records go where trust is mutual; elsewhere the target is blocked, says why, and settles nothing.
#[tokio::test(flavor = "multi_thread")]
async fn trust_is_mutual() {
    let Some(jars) = jars("TLS with a broker").await else {
        return;
    };
    let certificates = Arc::new(Certificates::new("localhost"));
    let options = Options {
        certificates: Some(Arc::clone(&certificates)),
        wants_client_certificate: true,
        ..keeping()
    };
    let broker = Broker::start(&jars, &options).await;
    broker.create_topic("mdc", 1, &[]).await;
    let (certificate, key) = certificates.client();
    let text = |path: std::path::PathBuf| format!("{path:?}");
    let own = format!(
        "client_certificate: {{ certificate_file: {}, key_file: {} }}",
        text(certificate),
        text(key)
    );
    let authority = format!("ca_file: {}", text(certificates.ca()));
    delivers(broker.tls_address(), &format!("tls: {{ {authority}, {own} }}")).await;
    delivers(broker.tls_address(), &format!("tls: {{ verify: false, {own} }}")).await;
    let seen = broker.read("mdc", Isolation::Committed).await;
    assert_eq!(seen.len(), 10);

    let foreign = Certificates::new("localhost");
    let stranger = format!("ca_file: {}", text(foreign.ca()));
    for lines in [
        format!("tls: {{ {stranger}, {own} }}"),
        format!("tls: {{ {authority} }}"),
    ] {
        is_refused(broker.tls_address(), &lines, BlockReason::Tls, "tls.ca_file").await;
    }
    // The certificate is for a name.
    let by_number = broker.tls_address().replace("localhost", "127.0.0.1");
    let lines = format!("tls: {{ {authority}, {own} }}");
    is_refused(by_number, &lines, BlockReason::Tls, "as their certificates do").await;
}

/// Scenario: a broker that asks for a login; a name and a password by each mechanism, then a wrong password.
/// Guarantees: records go with the right one; with the wrong one the target is blocked, says why, and settles nothing; once
/// the file has the right one, it goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_needed() {
    let Some(jars) = jars("logins at a broker").await else {
        return;
    };
    let options = Options {
        login: Some(Login {
            username: "alice".to_owned(),
            password: "of alice".to_owned(),
        }),
        ..keeping()
    };
    let broker = Broker::start(&jars, &options).await;
    broker.create_topic("mdc", 1, &[]).await;
    let (right, wrong) = (file("of alice\n"), file("of bob"));
    for mechanism in ["plain", "scram_sha_256", "scram_sha_512"] {
        let sasl = |password: &NamedTempFile| {
            format!(
                "sasl: {{ mechanism: {mechanism}, username: alice, password: {{ file: {:?} }} }}",
                password.path()
            )
        };
        delivers(broker.sasl_address(), &sasl(&right)).await;
        let fix = "compare `sasl.mechanism`";
        is_refused(
            broker.sasl_address(),
            &sasl(&wrong),
            BlockReason::Authorization,
            fix,
        )
        .await;
    }
    assert_eq!(broker.read("mdc", Isolation::Committed).await.len(), 15);

    let renewed = file("of bob");
    let lines = format!(
        "topic: mdc\nsasl: {{ mechanism: plain, username: alice, password: {{ file: {:?} }} }}\n\
         librdkafka: {{ {QUICK} }}",
        renewed.path()
    );
    let mut stage = start_with(settings(&[broker.sasl_address()], &lines));
    stage.send(5).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    std::fs::write(renewed.path(), "of alice").expect("it can be written");
    all_settled(&stage).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(broker.read("mdc", Isolation::Committed).await.len(), 20);
    assert_eq!(stage.close().await, Account::delivered(5));
}

/// Scenario: a broker that takes tokens; one that is valid, one that expired and is then renewed.
/// Guarantees: the token is read anew for each try, so the target goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_by_somebody_else() {
    let Some(jars) = jars("tokens at a broker").await else {
        return;
    };
    let broker = Broker::start(&jars, &taking_tokens()).await;
    broker.create_topic("mdc", 1, &[]).await;
    let renewed = file(&token(-30));
    let sasl = format!(
        "sasl: {{ mechanism: oauthbearer, token: {{ file: {:?} }} }}",
        renewed.path()
    );
    let lines = format!("topic: mdc\n{sasl}\nlibrdkafka: {{ {QUICK} }}");
    let mut stage = start_with(settings(&[broker.sasl_address()], &lines));
    stage.send(5).await;
    let failing = stage.metrics.clone();
    let up = || super::bench::gauge(&failing.deliver_kafka_brokers_up);
    assert_eq!((stage.settled(), up()), (0, 0));
    std::fs::write(renewed.path(), token(600)).expect("it can be written");
    all_settled(&stage).await;
    assert_eq!(stage.close().await, Account::delivered(5));
    delivers(broker.sasl_address(), &sasl).await;
    assert_eq!(broker.read("mdc", Isolation::Committed).await.len(), 10);
}

/// Scenario: a broker that takes tokens, and a target with `exactly_once`; there is no position topic, and it is made later.
/// Guarantees: the target says what to make, since nobody makes it with a token, and goes on by itself; every client that a
/// claim takes has a token.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_made_with_a_token() {
    let Some(jars) = jars("tokens with exactly once").await else {
        return;
    };
    let broker = Broker::start(&jars, &taking_tokens()).await;
    let valid = file(&token(600));
    let lines = format!(
        "topic: mdc\nexactly_once: true\nsasl: {{ mechanism: oauthbearer, token: {{ file: {:?} }} }}",
        valid.path()
    );
    let settings = settings(&[broker.sasl_address()], &lines);
    let missing = kafka::check(&settings).await.pop().expect("it is the last");
    let problem = missing.failure().expect("it is missing");
    assert!(problem.fix.contains("cleanup.policy=compact"), "{problem:?}");
    let (mut stage, claims) = super::claim::start(settings);
    assert_eq!(
        super::claim::blocked(&stage, &claims).await,
        BlockReason::Destination
    );
    let compacted = [("cleanup.policy", "compact")];
    broker.create_topic("hub2siem-positions", 1, &compacted).await;
    let partition = PartitionId::new("0");
    let claim = tokio::time::timeout(PATIENCE, claims.claim(&partition, 1)).await;
    let claim = claim.expect("it is made in time").expect("the target is at work");
    assert_eq!(claim.position, None);
    stage
        .until("unblocked", |stage| stage.health.blocked().is_none())
        .await;
    stage.abandon.cancel();
    stage.ended().await;
}

/// A broker that takes tokens which nobody signed.
fn taking_tokens() -> Options {
    let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;";
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Options {
        login: Some(Login {
            username: "alice".to_owned(),
            password: "of alice".to_owned(),
        }),
        properties: vec![
            property("log.retention.ms", "-1"),
            property("sasl.enabled.mechanisms", "OAUTHBEARER"),
            property(
                "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config",
                module,
            ),
        ],
        ..keeping()
    }
}

/// A token that is valid for so long.
fn token(seconds: i64) -> String {
    let now = Timestamp::now().as_millis() / 1000;
    let claims = format!(r#"{{"sub":"bridge","iat":{},"exp":{}}}"#, now - 60, now + seconds);
    format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode(claims)
    )
}
