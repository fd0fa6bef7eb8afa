use crate::config::configuration::load_text;
use crate::config::diagnostic::{Diagnostics, SourceFile};
use crate::config::{Configuration, TargetSettings};
use crate::eventhub::Transport;

const HEC: &str = "splunk_hec: { endpoints: 'ENDPOINT', token: { file: 'SECRET' } }";

/// A configuration with these lines; `SECRET` is a file with a secret, also as connection string.
fn load(hub: &str, proxy: &str, target: &str) -> Result<(Configuration, Diagnostics), Diagnostics> {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let folder = directory.path().display();
    let secret = directory.path().join("secret");
    let text = "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0";
    std::fs::write(&secret, text).expect("a file can be written");
    let text = format!(
        "event_hub: {{ connection_string: {{ file: SECRET }}, name: defender{hub} }}\n{proxy}\n\
         checkpoint: {{ file: {{ directory: '{folder}' }} }}\n\
         dead_letter: {{ file: {{ directory: '{folder}' }} }}\n\
         targets:\n  soc: {{ {target}, mapping: native }}\n"
    );
    load_text(&SourceFile {
        name: "bridge.yaml".into(),
        text: text.replace("SECRET", &secret.display().to_string()).into(),
    })
}

fn codes(diagnostics: &Diagnostics) -> Vec<&str> {
    diagnostics.0.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Scenario: proxies that can be used and that cannot, before targets with TLS, without, inside and outside. Guarantees: what
/// could not be reached in safety is told by its code; what may pass goes by the proxy, hub and target alike.
#[test]
fn a_proxy_leads_to_everything_or_is_refused() {
    let (outside, inside) = ("https://splunk.example:8088", "http://splunk.contoso.com:8088");
    let good = "proxy: { url: 'http://proxy:3128', username: me, password: { file: SECRET }, no_proxy: contoso.com }";
    for (proxy, endpoint, expected) in [
        (good, outside, None),
        (good, inside, None),
        (good, "http://127.0.0.1:8088", None),
        (good, "http://splunk.example:8088", Some("config::proxy")),
        ("", "http://splunk.example:8088", None),
        (
            "proxy: { url: 'https://proxy:3128' }",
            outside,
            Some("config::proxy"),
        ),
        (
            "proxy: { url: 'http://me:Secret1@proxy:3128' }",
            outside,
            Some("config::proxy"),
        ),
        (
            "proxy: { url: 'http://proxy', username: me }",
            outside,
            Some("config::proxy"),
        ),
        (
            "proxy: { url: 'http://proxy', no_proxy: '*' }",
            outside,
            Some("config::proxy"),
        ),
        (
            "proxy: { url: 'http://proxy', username: me, password: { file: /nonexistent } }",
            outside,
            Some("config::secret"),
        ),
        ("proxy: { username: me }", outside, Some("config::missing_option")),
    ] {
        let target = HEC.replace("ENDPOINT", endpoint);
        match (load("", proxy, &target), expected) {
            (Ok((configuration, diagnostics)), None) => {
                assert!(diagnostics.0.is_empty(), "{diagnostics}");
                let is_led = !proxy.is_empty();
                assert_eq!(configuration.proxy.is_some(), is_led);
                assert_eq!(configuration.hub.proxy.get().is_some(), is_led);
                let TargetSettings::SplunkHec(settings) = &configuration.targets[0].settings else {
                    panic!("{:?}", configuration.targets[0].settings);
                };
                assert_eq!(settings.proxy.is_some(), is_led);
            }
            (Err(diagnostics), Some(expected)) => {
                assert_eq!(codes(&diagnostics), [expected], "{proxy}: {diagnostics}");
                assert!(!diagnostics.to_string().contains("Secret1"), "{diagnostics}");
            }
            (found, _) => panic!("{proxy} {endpoint}: {found:?}"),
        }
    }
}

/// Scenario: transports with and without an address of their own. Guarantees: each has its port; the port of the other one is
/// told, and still taken.
#[test]
fn each_transport_has_its_port() {
    for (hub, expected, is_told) in [
        ("", ("contoso.servicebus.windows.net", 5671), false),
        (
            ", transport: websocket",
            ("contoso.servicebus.windows.net", 443),
            false,
        ),
        (
            ", transport: websocket, address: 10.0.0.4",
            ("10.0.0.4", 443),
            false,
        ),
        (
            ", transport: amqp, address: '10.0.0.4:15671'",
            ("10.0.0.4", 15671),
            false,
        ),
        (
            ", transport: websocket, address: '10.0.0.4:5671'",
            ("10.0.0.4", 5671),
            true,
        ),
        (", address: '10.0.0.4:443'", ("10.0.0.4", 443), true),
    ] {
        let (configuration, diagnostics) =
            load(hub, "", "file: { path: '-' }").unwrap_or_else(|error| panic!("{hub}: {error}"));
        let (host, port) = configuration.hub.endpoint();
        assert_eq!((host.as_str(), port), expected, "{hub}");
        assert_eq!(
            configuration.hub.own_port(),
            None,
            "what is kept is found by every way: {hub}"
        );
        let is_websocket = configuration.hub.transport == Transport::WebSocket;
        assert_eq!(is_websocket, hub.contains("websocket"), "{hub}");
        let told: &[&str] = if is_told { &["config::invalid_value"] } else { &[] };
        assert_eq!(codes(&diagnostics), told, "{hub}");
    }
}
