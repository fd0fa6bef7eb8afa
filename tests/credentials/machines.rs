//! Managed identities, at the metadata service of a machine.

use hub2siem::credential::{Audience, Reason, TokenSource};
use tokio::net::TcpSocket;

use crate::entra::{Entra, Refusal};
use crate::support::within;

/// Scenario: the system's identity and user-assigned ones by each of their names.
/// Guarantees: each is asked for by its own parameter, for the resource without `/.default`; one that is not assigned is told
/// so, with what to do.
#[tokio::test]
async fn each_name_of_an_identity_is_understood() {
    let entra = Entra::start().await;
    entra.state().identities = vec![
        ("", ""),
        ("client_id", "a"),
        ("object_id", "b"),
        ("msi_res_id", "/subscriptions/c"),
    ];
    for (yaml, is_assigned) in [
        ("managed_identity: {}", true),
        ("managed_identity: { client_id: a }", true),
        ("managed_identity: { object_id: b }", true),
        ("managed_identity: { resource_id: /subscriptions/c }", true),
        ("managed_identity: { object_id: a }", false),
    ] {
        let answer = within(entra.source(yaml).token(Audience::EventHubs)).await;
        assert_eq!(answer.is_ok(), is_assigned, "{yaml}: {answer:?}");
        if let Err(failure) = answer {
            assert_eq!(
                (failure.reason, failure.detail.as_str()),
                (Reason::Refused, "Identity not found")
            );
            assert!(failure.fix.contains("assign the identity"), "{failure}");
        }
    }
    assert!(
        entra
            .state()
            .asked
            .iter()
            .all(|asked| asked == "https://eventhubs.azure.net")
    );
}

/// Scenario: the metadata service is being updated (404, 410), throttled and broken, and then answers.
/// Guarantees: every one of these passes by itself.
#[tokio::test]
async fn an_update_of_the_service_is_waited_for() {
    let entra = Entra::start().await;
    entra
        .state()
        .instead
        .extend([404, 410, 429, 500].map(Refusal::status));
    let source = entra.source("managed_identity: {}");
    let failures = within(async {
        let mut failures = 0;
        while let Err(failure) = source.token(Audience::EventHubs).await {
            assert_ne!(failure.reason, Reason::Refused, "{failure}");
            failures += 1;
            tokio::time::sleep(failure.retry_after.expect("a wait is told")).await;
        }
        failures
    })
    .await;
    assert!(
        failures >= 4 && entra.requests() == 5,
        "{failures} {}",
        entra.requests()
    );
}

/// Scenario: the machine's clock is two hours off; the service names the end of a token by its own.
/// Guarantees: the token is used and renewed as if the clocks agreed.
#[tokio::test]
async fn the_end_of_a_token_is_told_by_another_clock() {
    let entra = Entra::start().await;
    for skew_seconds in [7200, -7200] {
        entra.state().skew_seconds = skew_seconds;
        let source = entra.source("managed_identity: {}");
        let token = within(source.token(Audience::EventHubs))
            .await
            .expect("there is one");
        let left = token.ask_after.as_secs();
        assert!((3240..=3360).contains(&left), "{skew_seconds}: {left}");
    }
}

/// Scenario: nothing answers where the metadata service should be.
/// Guarantees: it is said where managed identities work.
#[tokio::test]
async fn a_machine_outside_azure_is_told_so() {
    let entra = Entra::start().await;
    let mut settings = entra.settings("managed_identity: {}");
    // Bound and not listening: it refuses, and no other test can get the port.
    let nobody = TcpSocket::new_v4().expect("a socket");
    nobody
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let port = nobody.local_addr().expect("it is bound").port();
    settings.metadata_address = Some(
        format!("http://127.0.0.1:{port}")
            .parse()
            .expect("it is an address"),
    );
    let failure = within(TokenSource::new(settings).token(Audience::EventHubs)).await;
    let failure = failure.expect_err("nobody is there");
    assert_eq!(failure.reason, Reason::Unavailable);
    assert!(failure.fix.contains("only on an Azure machine"), "{failure}");
}
