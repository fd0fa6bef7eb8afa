use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use hub2siem::checkpoint::blob::config::Strategy;
use hub2siem::checkpoint::blob::connection_string::ConnectionString;
use hub2siem::checkpoint::blob::settings::{Access, Signature};
use hub2siem::checkpoint::blob::{BlobStore, Error, Settings};
use hub2siem::config::tls;
use secrecy::SecretSlice;
use url::Url;

use crate::azurite::signature::container_signature;
use crate::azurite::{ACCOUNT, Azurite, Certificates, Container, account_signature, installed};
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

/// Scenario: the credential of Entra ID, over TLS with a CA of its own; then tokens that the store cannot read; then nobody
/// gives tokens.
/// Guarantees: everything a store does works with tokens for storage, of which one is enough; the rest is told as what it is,
/// and a token at hand stays in use.
#[tokio::test]
async fn tokens_let_in() {
    let Some(installed) = installed("tokens of Entra ID").await else {
        return;
    };
    let certificates = Arc::new(Certificates::new("localhost"));
    let azurite = Azurite::start_tls(&installed, &certificates).await;
    let authority = Entra::start().await;
    let secret = file(crate::entra::SECRET);
    let settings = || {
        let source = authority.source(&client_secret(secret.path()));
        azurite.settings_with("checkpoints", Access::Entra(source))
    };
    let open_anew = async || BlobStore::open(&settings(), SCOPE, Arc::from("host-1")).await;
    let store = open(&settings(), "host-1").await;
    everything(&store).await;
    assert_eq!(authority.state().asked, ["https://storage.azure.com/.default"]);

    authority.state().fixed_token = Some("unreadable");
    let error = open_anew().await.expect_err("the token is unreadable");
    assert!(matches!(error, Error::Refused { status: 403, .. }), "{error}");
    authority.state().fixed_token = None;
    authority.state().outage = Some(crate::entra::Refusal::status(503));
    let error = open_anew().await.expect_err("there is no token");
    assert!(matches!(error, Error::NoToken { .. }), "{error}");
    store
        .load(&zero())
        .await
        .expect("the token at hand is still good");
}

/// Scenario: the store takes a token, and later no more, as after its end by the store's clock. Azurite has no such moment, so
/// this one only looks at tokens. Guarantees: the next request comes with another token.
#[tokio::test]
async fn a_refused_token_is_not_shown_again() {
    let refused = Arc::new(Mutex::new(BTreeSet::new()));
    let shown = Arc::clone(&refused);
    let answer = move |headers: HeaderMap| async move {
        let token = headers["authorization"].to_str().expect("it is text").to_owned();
        let is_refused = shown.lock().expect("it is not poisoned").contains(&token);
        let status = if is_refused { 401 } else { 200 };
        let headers = [
            ("etag", "\"1\""),
            ("last-modified", "Sat, 21 Nov 2026 11:00:00 GMT"),
            ("x-ms-meta-sequencenumber", "7"),
            ("x-ms-error-code", "InvalidAuthenticationInfo"),
        ];
        (StatusCode::from_u16(status).expect("it is one"), headers)
    };
    let (address, ca, _server) =
        crate::entra::server::https(Router::new().fallback(answer), "localhost").await;
    let authority = Entra::start().await;
    let secret = file(crate::entra::SECRET);
    let settings = Settings {
        container: Url::parse(&format!("https://localhost:{}/checkpoints", address.port()))
            .expect("it is one"),
        access: Access::Entra(authority.source(&client_secret(secret.path()))),
        tls: tls::client_config(Some(ca.path())).expect("the CA can be read"),
        proxy: None,
        strategy: Strategy::Greedy,
        interval: Duration::from_secs(10),
        expiry: Duration::from_secs(60),
    };
    let store = open(&settings, "host-1").await;
    store.load(&zero()).await.expect("the token is taken");
    assert_eq!(authority.requests(), 1);
    let token = format!("Bearer {}", authority.state().given[0]);
    refused.lock().expect("it is not poisoned").insert(token);
    let error = store.load(&zero()).await.expect_err("the token is refused");
    assert!(matches!(error, Error::Refused { status: 401, .. }), "{error}");
    store.load(&zero()).await.expect("another token is shown");
    assert_eq!(authority.requests(), 2);
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
