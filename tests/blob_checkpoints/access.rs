use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use hub2siem::checkpoint::blob::config::Strategy;
use hub2siem::checkpoint::blob::connection_string::ConnectionString;
use hub2siem::checkpoint::blob::settings::{Access, Signature};
use hub2siem::checkpoint::blob::{BlobStore, Claimed, Error, Settings};
use hub2siem::config::tls;
use hub2siem::credential::Audience;
use hub2siem::event::Timestamp;
use secrecy::SecretSlice;
use tokio::process::Command;
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

/// Scenario: the token in use is due, and then at its end, while the authority takes requests and never answers.
/// Guarantees: while the token is good an ownership is renewed without a wait; afterwards each request is told in time that
/// there is none.
#[tokio::test]
async fn a_silent_authority_stalls_no_request() {
    let Some(installed) = installed("a silent authority").await else {
        return;
    };
    let certificates = Arc::new(Certificates::new("localhost"));
    let azurite = Azurite::start_tls(&installed, &certificates).await;
    let authority = Entra::start().await;
    authority.state().lifetime_seconds = 24;
    let secret = file(crate::entra::SECRET);
    let source = authority.source(&client_secret(secret.path()));
    let store = open(
        &azurite.settings_with("checkpoints", Access::Entra(source.clone())),
        "host-1",
    )
    .await;
    let mut etag = claim(&store, &zero()).await;
    let held = source.token(Audience::Storage).await.expect("it is at hand");
    authority.state().is_silent = true;
    let mut shortest = Duration::MAX;
    while Timestamp::now().as_millis() + 6000 < held.expires_at.as_millis() {
        let is_asked = authority.requests() > 1;
        let started = Instant::now();
        let claimed = store.claim(&zero(), Some(&etag)).await;
        let Ok(Claimed::Won(renewed)) = claimed else {
            panic!("{:?}: {claimed:?}", started.elapsed());
        };
        if is_asked {
            shortest = shortest.min(started.elapsed());
        }
        etag = renewed;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Not each: the store may be slow, but who waits for the authority waits 3 s every time.
    assert!(
        shortest < Duration::from_secs(3),
        "it was due, and nobody waited: {shortest:?}"
    );
    let took = loop {
        let started = Instant::now();
        if let Err(Error::NoToken { .. }) = store.load(&zero()).await {
            break started.elapsed();
        }
        // A request that was sent a moment before the end is answered or refused after it.
        assert!(Timestamp::now().as_millis() < held.expires_at.as_millis() + 15_000);
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert_eq!(authority.requests(), 2);
}

/// Scenario: the positions are listed by the program with the Azure CLI, which takes longer for its token than a request has
/// patience.
/// Guarantees: it is asked for a token for storage, which lets in.
#[tokio::test]
async fn the_azure_cli_lets_in() {
    let Some(installed) = installed("the Azure CLI").await else {
        return;
    };
    let certificates = Arc::new(Certificates::new("localhost"));
    let azurite = Azurite::start_tls(&installed, &certificates).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    store
        .store(&zero(), &checkpoint(7, 1))
        .await
        .expect("it can be stored");
    let authority = Entra::start().await;
    let directory = tempfile::tempdir().expect("a directory can be made");
    let bin = directory.path().join("bin");
    fs::create_dir(&bin).expect("it is ours");
    let expires_on = Timestamp::now().as_millis() / 1000 + 3600;
    let az = format!(
        "#!/bin/sh\nsleep 4\n\
         [ \"$*\" = 'account get-access-token -o json --scope https://storage.azure.com/.default' ] || exit 2\n\
         echo '{{ \"accessToken\": \"{}\", \"expires_on\": {expires_on}, \"tokenType\": \"Bearer\" }}'\n",
        authority.token_for("https://storage.azure.com")
    );
    let text = directory.path().join("az");
    fs::write(&text, az).expect("it is ours");
    // Written by this process, it could be busy: a process that another test is starting may hold it open for writing.
    let az = Command::new("install")
        .args(["-m", "755"])
        .args([text, bin.join("az")])
        .status();
    assert!(az.await.expect("coreutils are there").success());
    let config = format!(
        "event_hub: {{ namespace: {}, name: {} }}\ncredential: {{ azure_cli: {{}} }}\n\
         checkpoint: {{ blob: {{ container_url: \"{}\", tls: {{ ca_file: {:?} }} }} }}\n\
         state: {{ directory: ./state }}\ndead_letter: {{ file: {{ directory: ./dead }} }}\n\
         targets: {{ out: {{ file: {{ path: ./out.jsonl }}, mapping: native }} }}\n",
        SCOPE.namespace,
        SCOPE.hub,
        azurite.container_url("checkpoints"),
        certificates.ca()
    );
    fs::write(directory.path().join("hub2siem.yaml"), config).expect("it is ours");
    let path = std::env::var("PATH").unwrap_or_default();
    let listed = Command::new(env!("CARGO_BIN_EXE_hub2siem"))
        .args(["checkpoint", "list", "--json"])
        .current_dir(directory.path())
        .env("PATH", format!("{}:{path}", bin.display()))
        .output()
        .await
        .expect("the program was built");
    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(text.contains("\"sequence_number\":7"), "{listed:?}");
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
