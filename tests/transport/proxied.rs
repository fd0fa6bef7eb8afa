//! The hub read through a real proxy: tinyproxy.

use hub2siem::eventhub::{EndReason, StartPosition, Step, Transport};

use crate::peers::Packages;
use crate::peers::packages::proxies;
use crate::peers::tinyproxy::Tinyproxy;
use crate::scene::{ENDPOINT, NAMESPACE, behind, detached, failed, findings, hub_for, proxy};
use crate::support::{append, client, next, numbers, read, reader};

const ACCOUNT: (&str, &str) = ("bridge", "open-sesame");

async fn packages() -> Option<Packages> {
    proxies("the hub through a proxy").await
}

/// Scenario: a hub that only the proxy can reach, by either transport, with a private CA; the proxy wants a password.
/// Guarantees: every event comes; the proxy was asked for the address that is configured, and every step is told by name.
#[tokio::test]
async fn reads_by_either_transport() {
    let Some(packages) = packages().await else { return };
    let tinyproxy = Tinyproxy::start(&packages, &[ENDPOINT], Some(ACCOUNT)).await;
    for (transport, stages) in [(Transport::Amqp, 11), (Transport::WebSocket, 12)] {
        let (hub, settings) = hub_for(NAMESPACE, transport).await;
        let settings = behind(proxy(&tinyproxy.url(), Some(ACCOUNT), &[]), &hub, settings);
        append(&hub, 0, 100);
        let client = client(settings.clone());
        let mut reader = reader(&client, 0, StartPosition::Earliest);
        let (events, _) = read(&mut reader, 100).await;
        assert_eq!(numbers(&events), (0..100).collect::<Vec<_>>());
        reader.close().await;
        let asked = format!("{ENDPOINT}:{}", hub.address().port());
        assert_eq!(tinyproxy.asked().last(), Some(&asked));
        assert_eq!(tinyproxy.connected().last().map(String::as_str), Some(ENDPOINT));

        let findings = findings(settings).await;
        let told: Vec<_> = findings.iter().map(|finding| finding.stage.as_str()).collect();
        assert_eq!(told.len(), stages, "{findings:?}");
        assert_eq!(
            told[1..5],
            [
                "resolve the proxy",
                "connect to the proxy",
                "connect through the proxy",
                "agree on TLS"
            ],
            "{findings:?}"
        );
        assert!(
            findings.iter().all(|finding| finding.detail().is_some()),
            "{findings:?}"
        );
    }
}

/// Scenario: no password, a wrong one, a peer that the proxy cannot reach; no proxy where one is configured.
/// Guarantees: each is told by its name and status with what to do; the hub hears nothing.
#[tokio::test]
async fn what_the_proxy_refuses_is_told() {
    let Some(packages) = packages().await else { return };
    let tinyproxy = Tinyproxy::start(&packages, &[ENDPOINT], Some(ACCOUNT)).await;
    let (hub, settings) = hub_for(NAMESPACE, Transport::Amqp).await;
    let url = tinyproxy.url();
    let mut nowhere = behind(proxy(&url, Some(ACCOUNT), &[]), &hub, settings.clone());
    nowhere.address = hub2siem::eventhub::Address::parse("nowhere.contoso.test:5671");
    let mut no_proxy = behind(proxy(&url, Some(ACCOUNT), &[]), &hub, settings.clone());
    let other = format!("http://{}", hub.address());
    no_proxy.proxy = Some(std::sync::Arc::new(proxy(&other, None, &[]))).into();
    for (settings, expected, texts) in [
        (
            behind(proxy(&url, None, &[]), &hub, settings.clone()),
            EndReason::ProxyRefused,
            ["answers 407", "it wants Basic; check `proxy.username`"],
        ),
        (
            behind(
                proxy(&url, Some(("bridge", "wrong")), &[]),
                &hub,
                settings.clone(),
            ),
            EndReason::ProxyRefused,
            ["answers 401", "check `proxy.username`"],
        ),
        (
            nowhere,
            EndReason::ConnectFailed,
            ["answers 500", "see in the proxy's log"],
        ),
        (
            no_proxy,
            EndReason::ProxyRefused,
            ["does not answer as an HTTP proxy does", "`proxy.url`"],
        ),
    ] {
        let client = client(settings.clone());
        let mut reader = reader(&client, 0, StartPosition::Earliest);
        let step = next(&mut reader, 1).await;
        let (reason, detail) = detached(&step);
        assert_eq!(reason, expected, "{detail}");
        for text in texts {
            assert!(detail.contains(text), "{detail}");
        }
        reader.close().await;
        let findings = findings(settings).await;
        assert_eq!(failed(&findings), "connect through the proxy", "{findings:?}");
    }
    assert_eq!(hub.statistics().tokens, 0);
}

/// Scenario: `no_proxy` names the hub's address, or its domain; then it names another one.
/// Guarantees: the hub is then tried directly, without a word to the proxy, and otherwise by the proxy.
#[tokio::test]
async fn exceptions_are_reached_directly() {
    let Some(packages) = packages().await else { return };
    let tinyproxy = Tinyproxy::start(&packages, &[ENDPOINT], None).await;
    let (hub, settings) = hub_for(NAMESPACE, Transport::Amqp).await;
    for exception in [ENDPOINT, "contoso.test", ".test"] {
        let settings = behind(
            proxy(&tinyproxy.url(), None, &[exception]),
            &hub,
            settings.clone(),
        );
        let client = client(settings);
        let mut reader = reader(&client, 0, StartPosition::Earliest);
        let step = next(&mut reader, 1).await;
        // Only the proxy knows this name.
        let (_, detail) = detached(&step);
        assert!(
            detail.contains("failed to resolve `endpoint.contoso.test`"),
            "{detail}"
        );
        reader.close().await;
    }
    assert_eq!(tinyproxy.asked(), [] as [&str; 0]);
    append(&hub, 0, 1);
    let settings = behind(
        proxy(&tinyproxy.url(), None, &["contoso.example"]),
        &hub,
        settings,
    );
    let client = client(settings);
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    read(&mut reader, 1).await;
    let asked = format!("{ENDPOINT}:{}", hub.address().port());
    assert_eq!(tinyproxy.asked().first(), Some(&asked));
    reader.close().await;
}

/// Scenario: the peer at the other end of the proxy shows a certificate of another name, as one does that looks into TLS.
/// Guarantees: it gets no token; a proxy does not weaken the check.
#[tokio::test]
async fn a_certificate_is_verified_through_the_proxy() {
    let Some(packages) = packages().await else { return };
    let tinyproxy = Tinyproxy::start(&packages, &[ENDPOINT], None).await;
    for transport in [Transport::Amqp, Transport::WebSocket] {
        let (hub, settings) = hub_for(ENDPOINT, transport).await;
        let client = client(behind(proxy(&tinyproxy.url(), None, &[]), &hub, settings));
        let mut reader = reader(&client, 0, StartPosition::Earliest);
        let step = next(&mut reader, 1).await;
        let (reason, detail) = detached(&step);
        assert_eq!(reason, EndReason::TlsFailed, "{detail}");
        assert!(detail.contains("contoso.servicebus.windows.net"), "{detail}");
        assert_eq!(hub.statistics().tokens, 0);
        reader.close().await;
    }
}

/// Scenario: the proxy is killed while events flow, stays away for some tries, and comes back; twice, over WebSocket.
/// Guarantees: reading goes on by itself, and every event comes once and in order.
#[tokio::test]
async fn a_proxy_that_dies_and_returns_costs_no_event() {
    let Some(packages) = packages().await else { return };
    let mut tinyproxy = Tinyproxy::start(&packages, &[ENDPOINT], Some(ACCOUNT)).await;
    let (hub, settings) = hub_for(NAMESPACE, Transport::WebSocket).await;
    let client = client(behind(
        proxy(&tinyproxy.url(), Some(ACCOUNT), &[]),
        &hub,
        settings,
    ));
    let mut reader = reader(&client, 0, StartPosition::Earliest);
    let mut seen = Vec::new();
    for round in 1..=3 {
        append(&hub, 0, 2000);
        let (events, _) = read(&mut reader, 1000).await;
        seen.extend(numbers(&events));
        if round < 3 {
            tinyproxy.kill().await;
            // What was on its way still comes; then the loss, and tries in vain.
            let mut refusals = 0;
            while refusals < 3 {
                match next(&mut reader, 100).await {
                    Step::Event(event) => seen.push(event.sequence_number.0),
                    Step::Detached { reason, .. } => {
                        refusals += u32::from(reason == EndReason::ConnectFailed);
                    }
                    _ => {}
                }
            }
            tinyproxy.resume().await;
        }
    }
    let rest = 6000 - seen.len();
    let (events, _) = read(&mut reader, rest).await;
    seen.extend(numbers(&events));
    assert_eq!(seen, (0..6000).collect::<Vec<_>>());
    reader.close().await;
}
