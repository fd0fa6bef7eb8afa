//! `check --connect` on the container.

use std::time::Duration;

use hub2siem::checkpoint::blob::check::check;
use hub2siem::checkpoint::blob::settings::{Access, Signature};
use hub2siem::checkpoint::blob::{BlobStore, Settings};
use hub2siem::finding::{Finding, Verdict};
use secrecy::SecretSlice;
use tokio::net::TcpSocket;

use crate::azurite::signature::container_signature;
use crate::azurite::{ACCOUNT, Azurite, Container, account_signature, installed};
use crate::entra::{Entra, client_secret, file};
use crate::stage::{SCOPE, checkpoint, zero};

const LIMIT: Duration = Duration::from_secs(60);
const CONTAINER: &str = "checkpoints";
const RIGHTS: [(&str, &str); 4] = [
    ("right to list", "l"),
    ("right to read", "r"),
    ("right to create", "c"),
    ("right to write", "w"),
];

fn signed(azurite: &Azurite, signature: &str) -> Settings {
    let signature = Signature::new(signature).expect("it has `sig=`");
    azurite.settings_with(CONTAINER, Access::Signature(signature))
}

fn of<'f>(findings: &'f [Finding], stage: &str) -> &'f Finding {
    let found = findings.iter().find(|finding| finding.stage == stage);
    found.unwrap_or_else(|| panic!("`{stage}` is there: {findings:#?}"))
}

/// Scenario: a container with a checkpoint, opened with the key and with signatures that have all rights, or all but one.
/// Guarantees: exactly the missing right is named, with its remedy; and the container is afterwards as it was, version by
/// version.
#[tokio::test]
async fn every_right_is_told_and_nothing_is_changed() {
    let Some(installed) = installed("what `check --connect` says of a container").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let container = Container::new(&azurite, CONTAINER);
    let store = BlobStore::open(&azurite.settings(CONTAINER), SCOPE, "host-1".into()).await;
    let store = store.expect("it can be opened");
    store
        .store(&zero(), &checkpoint(1, 1))
        .await
        .expect("it can be stored");
    let before = container.list().await;

    let findings = check(&azurite.settings(CONTAINER), SCOPE, LIMIT).await;
    assert!(
        findings.iter().all(|finding| finding.detail().is_some()),
        "{findings:#?}"
    );
    let stages: Vec<_> = findings.iter().map(|finding| finding.stage.as_str()).collect();
    assert_eq!(
        stages[..3],
        ["reach and authenticate", "compare clocks", "container"]
    );

    // Whoever may write may create too: the service takes either right for a new blob.
    for (granted, missing) in [
        ("rlcw", &[][..]),
        ("rlw", &[]),
        ("rlc", &["right to write"]),
        ("lcw", &["right to read"]),
        ("rcw", &["right to list"]),
        ("rl", &["right to create", "right to write"]),
    ] {
        let findings = check(
            &signed(&azurite, &container_signature(CONTAINER, granted)),
            SCOPE,
            LIMIT,
        )
        .await;
        for (stage, _) in RIGHTS {
            let finding = of(&findings, stage);
            assert_eq!(
                finding.failure().is_some(),
                missing.contains(&stage),
                "{granted}: {findings:#?}"
            );
            if let Some(problem) = finding.failure() {
                assert!(problem.cause.contains("403"), "{problem:?}");
                assert!(
                    problem.fix.contains("rights to read, create, write and list"),
                    "{problem:?}"
                );
            }
        }
        assert!(
            of(&findings, "reach and authenticate").detail().is_some(),
            "{granted}: {findings:#?}"
        );
    }
    assert_eq!(container.list().await, before, "nothing is left or touched");
}

/// Scenario: a wrong key, a signature that is over, nobody at the address, and a credential that the authority refuses.
/// Guarantees: each ends the walk with its cause and a remedy, and the rest says what it waits for.
#[tokio::test]
async fn who_is_not_let_in_is_told() {
    let Some(installed) = installed("what `check --connect` says of a wrong key").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let wrong_key = Access::SharedKey {
        account: ACCOUNT.to_owned(),
        key: SecretSlice::from(vec![7; 64]),
    };
    let over = container_signature(CONTAINER, "rlcw").replace("2099-01-01", "2020-01-01");
    // Bound and not listening: it refuses, and no other test can get the port.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let mut nobody = azurite.settings(CONTAINER);
    let address = closed.local_addr().expect("it is bound");
    nobody
        .container
        .set_port(Some(address.port()))
        .expect("it has a host");
    for (settings, cause, fix) in [
        (
            azurite.settings_with(CONTAINER, wrong_key),
            "403",
            "compare the key or SAS",
        ),
        (signed(&azurite, &over), "403", "compare the key or SAS"),
        (nobody, "cannot be reached", "firewall"),
    ] {
        let findings = check(&settings, SCOPE, LIMIT).await;
        let problem = findings[0]
            .failure()
            .unwrap_or_else(|| panic!("{cause}: {findings:#?}"));
        assert!(problem.cause.contains(cause), "{problem:?}");
        assert!(problem.fix.contains(fix), "{problem:?}");
        let waits = Verdict::Skipped("waits for `reach and authenticate`".to_owned());
        assert!(
            findings[1..].iter().all(|finding| finding.verdict == waits),
            "{findings:#?}"
        );
    }

    let authority = Entra::start().await;
    let secret = file("Q~wrong");
    let source = authority.source(&client_secret(secret.path()));
    let findings = check(
        &azurite.settings_with(CONTAINER, Access::Entra(source)),
        SCOPE,
        LIMIT,
    )
    .await;
    assert_eq!(findings[0].stage, "get a token");
    let problem = findings[0].failure().expect("the secret is wrong");
    assert!(problem.fix.contains("value of the client secret"), "{problem:?}");
}

/// Scenario: the container is missing, for the key, for a signature of the account and for one of the container.
/// Guarantees: who may make it is told so, who cannot is told to have it made; and it is not made.
#[tokio::test]
async fn a_missing_container_is_not_made() {
    let Some(installed) = installed("what `check --connect` says of a missing container").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    for (settings, is_ok, is_failed) in [
        (azurite.settings(CONTAINER), true, false),
        (signed(&azurite, &account_signature("rwlc")), false, false),
        (
            signed(&azurite, &container_signature(CONTAINER, "rlcw")),
            false,
            true,
        ),
    ] {
        let findings = check(&settings, SCOPE, LIMIT).await;
        let finding = of(&findings, "container");
        assert_eq!(
            (finding.detail().is_some(), finding.failure().is_some()),
            (is_ok, is_failed),
            "{findings:#?}"
        );
        let (Verdict::Ok(cause)
        | Verdict::Warning(hub2siem::finding::Problem { cause, .. })
        | Verdict::Failed(hub2siem::finding::Problem { cause, .. })) = &finding.verdict
        else {
            panic!("{finding:?}");
        };
        assert!(cause.contains("checkpoints` is missing"), "{cause}");
        for (stage, _) in RIGHTS {
            assert_eq!(
                of(&findings, stage).verdict,
                Verdict::Skipped("waits for `container`".to_owned()),
                "{findings:#?}"
            );
        }
    }
    assert!(!Container::new(&azurite, CONTAINER).exists().await);
}
