//! The steps on the way to an event, and what an operator can do where one fails.

use std::fmt;

use crate::event::Timestamp;
use crate::eventhub::credential::Credential;
use crate::eventhub::end_reason::{End, EndReason};
use crate::eventhub::settings::{HubSettings, Transport};
use crate::finding::Problem;

/// One step on the way to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is something to identify with.
    Token,
    /// The clock of this machine and that of whoever gives tokens agree.
    Clock,
    /// The proxy's host name has an address.
    ResolveProxy,
    /// Something listens there.
    ConnectProxy,
    /// The proxy connects to the hub; it resolves the hub's name itself.
    Proxy,
    /// The host name has an address.
    Resolve,
    /// Something listens there.
    Connect,
    /// TLS is agreed on and the certificate is trusted.
    Tls,
    /// It opens a WebSocket for AMQP.
    WebSocket,
    /// It speaks SASL and AMQP 1.0.
    Open,
    /// `$cbs` takes the token.
    Authorize,
    /// `$management` knows the hub.
    Hub,
    /// The token has the right to listen.
    Listen,
    /// The consumer group is there.
    ConsumerGroup,
    /// A partition can be read.
    Partition,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Stage::Token => "get a token",
            Stage::Clock => "compare clocks",
            Stage::ResolveProxy => "resolve the proxy",
            Stage::ConnectProxy => "connect to the proxy",
            Stage::Proxy => "connect through the proxy",
            Stage::Resolve => "resolve the namespace",
            Stage::Connect => "connect",
            Stage::Tls => "agree on TLS",
            Stage::WebSocket => "open a WebSocket",
            Stage::Open => "open AMQP",
            Stage::Authorize => "authorize",
            Stage::Hub => "find the hub",
            Stage::Listen => "right to listen",
            Stage::ConsumerGroup => "consumer group",
            Stage::Partition => "partition",
        })
    }
}

impl Stage {
    /// The steps before the consumer groups, in order.
    pub(super) fn plan(settings: &HubSettings) -> impl Iterator<Item = Self> {
        let has_clock = match settings.credential.get() {
            Credential::Entra(source) => source.clock_skew_millis().is_some(),
            _ => false,
        };
        let (host, _) = settings.endpoint();
        let way = match settings.proxy_to(&host) {
            Some(_) => &[Stage::ResolveProxy, Stage::ConnectProxy, Stage::Proxy][..],
            None => &[Stage::Resolve, Stage::Connect],
        };
        let has_tls = settings.tls.get().is_some();
        let is_web_socket = settings.transport == Transport::WebSocket;
        [Stage::Token]
            .into_iter()
            .chain(has_clock.then_some(Stage::Clock))
            .chain(way.iter().copied())
            .chain(has_tls.then_some(Stage::Tls))
            .chain(is_web_socket.then_some(Stage::WebSocket))
            .chain([Stage::Open, Stage::Authorize, Stage::Hub, Stage::Listen])
    }

    /// An end at this step, and what to do about it.
    pub(super) fn problem(self, end: &End) -> Problem {
        Problem::new(end.to_string(), self.fix(end))
    }

    fn fix(self, end: &End) -> String {
        let fix = match (self, end.reason) {
            (Stage::ResolveProxy, _) => "check the host in `proxy.url` and the name server of this machine",
            (Stage::ConnectProxy, _) => {
                "check host and port in `proxy.url`, and that the proxy runs and lets this machine in"
            }
            (Stage::Proxy, _) => "see the cause, and docs/network.md",
            (Stage::Resolve, _) => {
                "check the name of the namespace and the name server of this machine; a private endpoint needs its private DNS zone, or `event_hub.address`"
            }
            (Stage::Connect, _) => {
                "check that outgoing connections to this port are allowed, and `event_hub.address` for a private endpoint; `transport: websocket` needs port 443 only, and `proxy` leads through an HTTP proxy"
            }
            (Stage::Tls, _) => of_tls(&end.detail),
            (Stage::WebSocket, EndReason::WebSocketRefused) => {
                "check `event_hub.address` and what stands between: something answers that is not the namespace, or does not let WebSocket through"
            }
            (Stage::WebSocket, _) => "try again in a minute; if it stays so, see what stands between",
            (Stage::Open, EndReason::Timeout | EndReason::ConnectFailed | EndReason::ConnectionLost) => {
                "something accepts the connection and does not speak AMQP: check port and `event_hub.address`, that TLS is on for a real namespace, and the network rules of the namespace"
            }
            (Stage::Authorize, EndReason::Unauthorized) => {
                return format!(
                    "compare policy and key, or the signature and its end, with the portal; with a `credential`, see that `cloud` is the one of the namespace and give the identity the role Azure Event Hubs Data Receiver; a wrong clock invalidates tokens too, and here it is {}",
                    Timestamp::now()
                );
            }
            (_, EndReason::Unauthorized) => {
                "give the policy of the key the Listen right, or the identity the role Azure Event Hubs Data Receiver, on this hub; a new role takes some minutes"
            }
            (Stage::Hub, EndReason::NotFound) => {
                "check `event_hub.name`, and that the hub is in this namespace"
            }
            (Stage::ConsumerGroup, EndReason::NotFound) => {
                "check `event_hub.consumer_group` and that of the targets, or make the consumer group in the hub"
            }
            (_, EndReason::EntityDisabled) => "enable the hub in the portal",
            (_, EndReason::ResourceLimit) => {
                "five readers without owner level are the most: give this bridge a consumer group of its own"
            }
            (Stage::ConsumerGroup | Stage::Partition, EndReason::ConnectionLost) => {
                "try again, for the connection ended meanwhile; if it stays so, see what stands between"
            }
            (_, EndReason::ServerBusy | EndReason::Timeout) => {
                "try again in a minute; the namespace is throttled or slow"
            }
            _ => "see the cause; if it stays so, ask the support of Azure with its words",
        };
        fix.to_owned()
    }
}

/// By the words of the TLS library.
fn of_tls(detail: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
    if says(&["UnknownIssuer", "BadSignature", "CaUsedAsEndEntity"]) {
        "if a private CA signs the certificate, or a proxy that looks into TLS, name that CA in `event_hub.tls.ca_file`; if nobody should, find out who answers in place of the namespace"
    } else if says(&["not valid for name", "NotValidForName"]) {
        "the certificate is for another host: name the namespace as Azure does, and only where to connect in `event_hub.address`"
    } else if says(&["xpired", "not valid yet", "NotValidYet"]) {
        "set the clock of this machine; if it is right, the certificate has to be renewed"
    } else {
        "the port accepts connections and speaks no TLS: check port and `event_hub.address`, and what stands between"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_mended_by_its_cause() {
        for (detail, expected) in [
            ("invalid peer certificate: UnknownIssuer", "ca_file"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"",
                "another host",
            ),
            (
                "invalid peer certificate: certificate expired: verification time",
                "clock",
            ),
            (
                "received corrupt message of type InvalidContentType",
                "speaks no TLS",
            ),
            ("no answer", "speaks no TLS"),
        ] {
            assert!(of_tls(detail).contains(expected), "{detail}");
        }
    }
}
