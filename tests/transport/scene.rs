//! A hub behind TLS, and settings that reach it.

use std::sync::Arc;
use std::time::Duration;

use hub2siem::config::SecretReference;
use hub2siem::config::tls::client_config;
use hub2siem::deliver::value::Texts;
use hub2siem::emulator::event_hub::{EventHubEmulator, Options};
use hub2siem::eventhub::probe::probe;
use hub2siem::eventhub::{Address, HubSettings, Step, Transport};
use hub2siem::finding::Finding;
use hub2siem::proxy;
use hub2siem::proxy::config::Proxy;

use crate::entra::file;
use crate::entra::server::server_config;
use crate::support::{settings, start, within};

/// The name in the hub's certificate; no name server knows it here.
pub const NAMESPACE: &str = "contoso.servicebus.windows.net";
/// The name of a private endpoint of it, which only the proxy knows.
pub const ENDPOINT: &str = "endpoint.contoso.test";

/// A hub with a certificate for `name`, and settings that trust its CA, and reach it at its real address.
pub async fn hub_for(name: &str, transport: Transport) -> (EventHubEmulator, HubSettings) {
    let (tls, ca) = server_config(name);
    let mut options = Options::new("defender", 1);
    options.tls = Some(tls);
    let hub = start(options).await;
    let ca = file(&ca);
    let mut settings = settings(&hub);
    settings.tls = Some(client_config(Some(ca.path())).expect("it is a certificate")).into();
    settings.hub.namespace = NAMESPACE.into();
    settings.transport = transport;
    settings.address = Some(Address {
        host: hub.address().ip().to_string(),
        port: Some(hub.address().port()),
    });
    (hub, settings)
}

/// The same hub behind a proxy that alone knows its name.
pub fn behind(proxy: proxy::Settings, hub: &EventHubEmulator, settings: HubSettings) -> HubSettings {
    HubSettings {
        address: Some(Address {
            host: ENDPOINT.to_owned(),
            port: Some(hub.address().port()),
        }),
        proxy: Some(std::sync::Arc::new(proxy)).into(),
        ..settings
    }
}

/// Settings of a proxy at `url`.
pub fn proxy(url: &str, account: Option<(&str, &str)>, no_proxy: &[&str]) -> proxy::Settings {
    let password = account.map(|(_, password)| file(password));
    let written = Proxy {
        url: url.to_owned(),
        username: account.map(|(username, _)| username.to_owned()),
        password: password
            .as_ref()
            .map(|file| SecretReference::File(file.path().into())),
        no_proxy: Some(Texts(no_proxy.iter().map(|entry| (*entry).to_owned()).collect())),
    };
    proxy::Settings::new(&written).expect("it can be used")
}

/// What `check --connect` finds on the way to the hub.
pub async fn findings(settings: HubSettings) -> Vec<Finding> {
    let groups = [Arc::clone(&settings.consumer_group)];
    within(probe(settings, &groups, Duration::from_secs(60))).await
}

/// The step that fails first.
pub fn failed(findings: &[Finding]) -> &str {
    let failed = findings.iter().find(|finding| finding.failure().is_some());
    &failed.expect("one fails").stage
}

/// Why a link ended, and what is told of it.
pub fn detached(step: &Step) -> (hub2siem::eventhub::EndReason, &str) {
    match step {
        Step::Detached { reason, detail, .. } => (*reason, detail),
        other => panic!("{other:?}"),
    }
}
