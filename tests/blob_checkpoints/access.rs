use std::collections::BTreeMap;
use std::sync::Arc;

use hub2siem::checkpoint::blob::config::Strategy;
use hub2siem::checkpoint::blob::connection_string::ConnectionString;
use hub2siem::checkpoint::blob::settings::{Access, Signature};
use hub2siem::checkpoint::blob::{BlobStore, Error, Settings};
use hub2siem::credential::Audience;
use secrecy::SecretSlice;

use crate::azurite::{
    ACCOUNT, Azurite, Certificates, Container, account_signature, container_signature, installed,
};
use crate::entra::{Entra, client_secret, file};
use crate::stage::{SCOPE, checkpoint, claim, open, zero};

/// Everything a store does, once.
async fn everything(store: &BlobStore) {
    let partition = zero();
    claim(store, &partition).await;
    assert!(store.confirm_ownership(&partition).await.expect("it can be read"));
    for number in [1, 2] {
        store
            .store(&partition, &checkpoint(number, 1))
            .await
            .expect("it can be stored");
    }
    let expected = BTreeMap::from([(partition.clone(), checkpoint(2, 1))]);
    assert_eq!(store.load_all().await.expect("they can be read"), expected);
    store.relinquish(&partition).await.expect("it can be given up");
    assert_eq!(
        store
            .list_ownership()
            .await
            .expect("they can be listed")
            .ownerships
            .len(),
        1
    );
}

fn signature(text: &str) -> Access {
    Access::Signature(Signature::new(text).expect("it has one"))
}

/// Scenario: the account's key in a connection string; a signature for the account; one for the container, which was made
/// before. Guarantees: everything a store does works with each.
#[tokio::test]
async fn key_and_signatures_let_in() {
    let Some(installed) = installed("keys and signatures").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    Container::new(&azurite, "by-container").create().await;
    let parsed = ConnectionString::parse(&azurite.connection_string()).expect("it is one");
    assert_eq!(parsed.endpoint.as_str(), azurite.endpoint());
    for (container, access) in [
        ("by-key", parsed.access),
        ("by-account", signature(&account_signature("rwcl"))),
        (
            "by-container",
            signature(&format!("?{}", container_signature("by-container", "rcwl"))),
        ),
    ] {
        let store = open(&azurite.settings_with(container, access), "host-1").await;
        everything(&store).await;
        assert!(!format!("{store:?}").contains("sig="), "{store:?}");
    }
}

/// Scenario: a wrong key, a signature that was cut, one without the right to write, a container that a signature for
/// another one names. Guarantees: each is an error that says what was refused and what to do, and shows no secret.
#[tokio::test]
async fn a_refusal_is_told() {
    let Some(installed) = installed("refusals").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    open(&azurite.settings("checkpoints"), "host-1").await;
    let wrong_key = Access::SharedKey {
        account: ACCOUNT.to_owned(),
        key: SecretSlice::from(vec![1; 64]),
    };
    let cut = account_signature("rwcl").replace("sp=rwcl", "sp=rwdl");
    for (access, expected) in [
        (wrong_key, "403 AuthorizationFailure"),
        (signature(&cut), "403 AuthorizationFailure"),
        (
            signature(&account_signature("rl")),
            "403 AuthorizationPermissionMismatch",
        ),
        (
            signature(&container_signature("another", "rcwl")),
            "403 AuthorizationFailure",
        ),
    ] {
        let settings = azurite.settings_with("checkpoints", access);
        let error = match BlobStore::open(&settings, SCOPE, Arc::from("host-1")).await {
            Err(error) => error.to_string(),
            Ok(store) => {
                let stored = store.store(&zero(), &checkpoint(1, 1)).await;
                stored.expect_err("it has no right").to_string()
            }
        };
        assert!(error.contains(expected), "{error} is not {expected}");
        assert!(!error.contains("sig="), "{error}");
    }
}

/// Scenario: the credential of Entra ID, over TLS with a CA of its own; then the token is refused once, and nobody gives
/// tokens for a while.
/// Guarantees: everything a store does works with tokens for storage; a refused one is not shown again; no token is told as
/// such.
#[tokio::test]
async fn tokens_let_in() {
    let Some(installed) = installed("tokens of Entra ID").await else {
        return;
    };
    let certificates = Arc::new(Certificates::new("localhost"));
    let azurite = Azurite::start_tls(&installed, &certificates).await;
    let authority = Entra::start().await;
    let secret = file(crate::entra::SECRET);
    let source = authority.source(&client_secret(secret.path()));
    let settings = azurite.settings_with("checkpoints", Access::Entra(source.clone()));
    let store = open(&settings, "host-1").await;
    everything(&store).await;
    assert_eq!(authority.state().asked, ["https://storage.azure.com/.default"]);

    // The store lets nobody in whose token it cannot read.
    authority.state().fixed_token = Some("unreadable");
    let source = authority.source(&client_secret(secret.path()));
    let refused = azurite.settings_with("checkpoints", Access::Entra(source.clone()));
    let error = BlobStore::open(&refused, SCOPE, Arc::from("host-1")).await;
    let error = error.expect_err("the token is unreadable");
    assert!(
        matches!(
            error,
            Error::Refused {
                status: 401 | 403,
                ..
            }
        ),
        "{error}"
    );
    authority.state().fixed_token = None;
    let given = authority.state().given.len();
    if matches!(error, Error::Refused { status: 401, .. }) {
        source.token(Audience::Storage).await.expect("there is another");
        assert_eq!(
            authority.state().given.len(),
            given + 1,
            "the refused one is not shown again"
        );
    }

    authority.state().outage = Some(crate::entra::Refusal::status(503));
    let source = authority.source(&client_secret(secret.path()));
    let settings = azurite.settings_with("checkpoints", Access::Entra(source));
    let error = BlobStore::open(&settings, SCOPE, Arc::from("host-1")).await;
    let error = error.expect_err("there is no token");
    assert!(matches!(error, Error::NoToken { .. }), "{error}");
    store
        .load(&zero())
        .await
        .expect("the token at hand is still good");
}

/// Scenario: a token would cross the network in plain text. Guarantees: nothing is sent.
#[tokio::test]
async fn a_token_needs_tls() {
    let Some(installed) = installed("tokens without TLS").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let authority = Entra::start().await;
    let secret = file(crate::entra::SECRET);
    let source = authority.source(&client_secret(secret.path()));
    let settings = Settings {
        strategy: Strategy::Balanced,
        ..azurite.settings_with("checkpoints", Access::Entra(source))
    };
    let error = BlobStore::open(&settings, SCOPE, Arc::from("host-1")).await;
    assert!(error.is_err());
    assert_eq!(authority.requests(), 0);
}
