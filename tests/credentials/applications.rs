//! Applications with a secret, a certificate or a federated token, at the authority.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hub2siem::credential::{AccessToken, Audience, Failure, Reason, TokenSource};
use hub2siem::event::Timestamp;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use secrecy::ExposeSecret;

use crate::entra::{Application, CLIENT, Entra, Refusal, SECRET, TENANT, client_secret, file};
use crate::support::within;

/// The shortest wait after a refusal.
const WAIT_MIN: Duration = Duration::from_secs(5);

async fn token(source: &TokenSource) -> Result<AccessToken, Failure> {
    within(source.token(Audience::EventHubs)).await
}

fn text(token: &AccessToken) -> &str {
    token.text.expose_secret()
}

/// Scenario: many ask at once and again, for the hub and for Azure Monitor.
/// Guarantees: one request for each audience, with its own scope; everybody gets the same token.
#[tokio::test]
async fn a_token_is_shared_by_all_who_ask() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    let source = entra.source(&client_secret(secret.path()));
    let asked = (0..20).map(|_| token(&source));
    let tokens = futures_util::future::join_all(asked).await;
    let first = tokens[0].as_ref().expect("there is one");
    assert!(tokens.iter().flatten().all(|token| text(token) == text(first)));
    let left = first.ask_after.as_secs();
    assert!((3240..=3360).contains(&left), "{left}");
    let other = within(source.token(Audience::AzureMonitor))
        .await
        .expect("there is one");
    assert_ne!(text(&other), text(first));
    assert_eq!(
        entra.state().asked,
        [
            "https://eventhubs.azure.net/.default",
            "https://monitor.azure.com/.default"
        ]
    );
}

/// Scenario: a wrong secret, tenant, application or scope, an unknown certificate, and an authority that is not trusted.
/// Guarantees: the cause and its remedy are told, no secret is, and it is not tried again at once.
#[tokio::test]
async fn what_is_wrong_is_told_with_its_remedy() {
    let (entra, right, wrong) = (Entra::start().await, file(SECRET), file("Q~wrong"));
    let with = |secret: &tempfile::NamedTempFile| client_secret(secret.path());
    let federated = file("token of the account");
    let workload = format!(
        "workload_identity: {{ tenant_id: {TENANT}, client_id: {CLIENT}, token_file: {:?} }}",
        federated.path()
    );
    let absent = workload.replace("token_file: \"", "token_file: \"/nonexistent");
    for (yaml, application, detail, fix) in [
        (
            with(&wrong),
            None,
            "AADSTS7000215: Invalid client secret provided",
            "the value of the client secret, not its id",
        ),
        (
            with(&right).replace(TENANT, "fabrikam.example"),
            None,
            "AADSTS90002: Tenant 'fabrikam.example' not found",
            "compare `tenant_id`",
        ),
        (
            with(&right).replace(CLIENT, "someone"),
            None,
            "AADSTS700016: Application was not found",
            "compare `client_id`",
        ),
        (
            workload,
            Some(Application::Federated("another".into())),
            "AADSTS700213: No matching federated",
            "compare issuer, subject and audience",
        ),
        (
            absent,
            None,
            "failed to read the token file `/nonexistent",
            "see that the file is mounted",
        ),
    ] {
        if let Some(application) = application {
            entra.state().application = application;
        }
        let source = entra.source(&yaml);
        let began = Instant::now();
        let failure = token(&source).await.expect_err("it is wrong");
        assert_eq!(failure.reason, Reason::Refused, "{failure}");
        assert!(failure.detail.starts_with(detail), "{failure}");
        assert!(failure.fix.contains(fix), "{failure}");
        assert!(
            !failure.to_string().contains("Q~") && !failure.to_string().contains("Trace ID"),
            "{failure}"
        );
        let requests = entra.requests();
        let again = token(&source).await.expect_err("it is not mended");
        assert!(
            again
                .retry_after
                .is_some_and(|wait| began.elapsed() + wait >= WAIT_MIN),
            "{again:?}"
        );
        assert!(
            entra.requests() == requests || began.elapsed() >= WAIT_MIN,
            "it is not tried again before its time"
        );
    }
    let other = Entra::start().await;
    let mut settings = entra.settings(&with(&right));
    settings.tls = other.settings(&with(&right)).tls;
    let failure = token(&TokenSource::new(settings))
        .await
        .expect_err("the CA is another");
    assert!(
        failure.detail.contains("certificate") && failure.fix.contains("credential.tls.ca_file"),
        "{failure}"
    );
}

/// Scenario: the authority is throttled, then in trouble, then gives its page of errors, then a token.
/// Guarantees: the wait it asks for is kept; each failure passes by itself.
#[tokio::test]
async fn waits_as_long_as_it_is_asked_to() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    let source = entra.source(&client_secret(secret.path()));
    entra.state().instead.extend([
        Refusal {
            retry_after: Some(2),
            ..Refusal::status(429)
        },
        Refusal::status(503),
        Refusal::code(400, 90_033, "A transient error has occurred."),
    ]);
    let began = Instant::now();
    let mut reasons = Vec::new();
    let token = within(async {
        loop {
            match token(&source).await {
                Ok(token) => return token,
                Err(failure) => {
                    if reasons.len() + 1 == entra.requests() {
                        reasons.push(failure.reason);
                    }
                    tokio::time::sleep(failure.retry_after.expect("a wait is told")).await;
                }
            }
        }
    })
    .await;
    assert_eq!(
        reasons,
        [Reason::Throttled, Reason::Unavailable, Reason::Unavailable]
    );
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(
        (entra.requests(), text(&token)),
        (4, entra.state().given[0].as_str())
    );
}

/// Scenario: the authority is away when a token is due, and comes back after its end.
/// Guarantees: the token at hand is given as long as it is good, and not longer; then the failure; then a new one. The log
/// calls it good only while it is.
#[tokio::test]
async fn a_good_token_is_given_while_there_is_no_newer_one() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    let log = file("");
    let writer = Arc::new(log.reopen().expect("it is ours"));
    let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
    // With one subscriber alone, a line that another test meets first is held for one that nobody wants.
    let _other = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let _log = tracing::subscriber::set_default(subscriber);
    let called_good = || {
        let text = std::fs::read_to_string(log.path()).expect("it is ours");
        text.matches("the one in use is still good").count()
    };
    entra.state().lifetime_seconds = 14;
    let source = entra.source(&client_secret(secret.path()));
    let first = token(&source).await.expect("there is one");
    entra.state().outage = Some(Refusal::status(500));
    within(async {
        while entra.requests() == 1 {
            let held = token(&source).await.expect("it is good still");
            assert_eq!(text(&held), text(&first));
            tokio::time::sleep(held.ask_after).await;
        }
    })
    .await;
    let held = token(&source).await.expect("it is good still");
    assert_eq!(text(&held), text(&first));
    within(async {
        // Ever sooner, and not often: each look may be a try in vain, after which the next one waits longer.
        while let Ok(held) = token(&source).await {
            let left = held.expires_at.millis_since(Timestamp::now()).max(0);
            tokio::time::sleep(Duration::from_millis(left as u64 / 2 + 10)).await;
        }
    })
    .await;
    assert!(Timestamp::now() >= first.expires_at);
    let (asked, called) = (entra.requests(), called_good());
    assert!(called > 0, "it was good at the first failure");
    within(async {
        while entra.requests() == asked {
            let failure = token(&source).await.expect_err("nobody gives one");
            tokio::time::sleep(failure.retry_after.expect("a wait is told")).await;
        }
    })
    .await;
    assert_eq!(called_good(), called);
    entra.state().outage = None;
    let next = within(async {
        loop {
            match token(&source).await {
                Ok(token) => return token,
                Err(failure) => tokio::time::sleep(failure.retry_after.expect("a wait is told")).await,
            }
        }
    })
    .await;
    assert_ne!(text(&next), text(&first));
}

/// Scenario: the hub does not take a token that is good by its times.
/// Guarantees: the next one is another, and one that nobody refused is kept.
#[tokio::test]
async fn a_refused_token_is_not_given_again() {
    let (entra, secret) = (Entra::start().await, file(SECRET));
    let source = entra.source(&client_secret(secret.path()));
    let first = token(&source).await.expect("there is one");
    source.refuse(Audience::EventHubs, &first.text);
    let second = token(&source).await.expect("there is one");
    assert_ne!(text(&first), text(&second));
    source.refuse(Audience::EventHubs, &first.text);
    assert_eq!(text(&token(&source).await.expect("there is one")), text(&second));
    assert_eq!(entra.requests(), 2);
}

/// Scenario: a certificate, first at an authority whose clock is two hours ahead.
/// Guarantees: the signature is the documented one; the authority's clock is heeded after its first answer, at once.
#[tokio::test]
async fn a_certificate_is_shown_by_the_clock_of_the_authority() {
    let entra = Entra::start().await;
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key can be made");
    let params = CertificateParams::new(["bridge".to_owned()]).expect("it is a name");
    let certificate = params.self_signed(&key).expect("it can be signed");
    entra.state().application = Application::Certificate {
        certificate: certificate.der().to_vec(),
        public_key: key.der_bytes().to_vec(),
    };
    let files = (file(&certificate.pem()), file(&key.serialize_pem()));
    let yaml = format!(
        "client_certificate: {{ tenant_id: {TENANT}, client_id: {CLIENT}, certificate_file: {:?}, key_file: {:?} }}",
        files.0.path(),
        files.1.path()
    );
    for (skew_seconds, requests) in [(0, 1), (7200, 2), (-7200, 2)] {
        entra.state().skew_seconds = skew_seconds;
        entra.state().asked.clear();
        let token = token(&entra.source(&yaml)).await.expect("it is known");
        assert_eq!(entra.requests(), requests, "{skew_seconds}");
        let left = token.ask_after.as_secs();
        assert!((3240..=3360).contains(&left), "{left}");
    }
}

/// Scenario: the cluster puts a new token into the file of a service account.
/// Guarantees: the next request shows it.
#[tokio::test]
async fn a_federated_token_is_read_anew() {
    let (entra, account) = (Entra::start().await, file("first\n"));
    entra.state().application = Application::Federated("first".into());
    let source = entra.source(&format!(
        "workload_identity: {{ tenant_id: {TENANT}, client_id: {CLIENT}, token_file: {:?} }}",
        account.path()
    ));
    let first = token(&source).await.expect("it is known");
    entra.state().application = Application::Federated("second".into());
    std::fs::write(account.path(), "second\n").expect("it can be written");
    source.refuse(Audience::EventHubs, &first.text);
    token(&source).await.expect("it is known");
}
