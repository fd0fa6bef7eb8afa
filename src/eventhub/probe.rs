//! A harmless try of everything the reader will do, for `check --connect`. Nothing is received, and no reader is
//! displaced.

use std::fmt;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, handshake};
use super::credential::Credential;
use super::end_reason::{End, EndReason};
use super::management::HubProperties;
use super::receiver::Link;
use super::selector::selector;
use super::settings::{HubSettings, StartPosition, Transport};
use super::transport;

/// One step on the way to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Entra ID gives a token.
    Token,
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
    /// It speaks AMQP 1.0.
    Open,
    /// It takes the token, and the hub exists.
    Authorize,
    /// The consumer group can be read.
    ConsumerGroup,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Stage::Token => "get a token",
            Stage::ResolveProxy => "resolve the proxy",
            Stage::ConnectProxy => "connect to the proxy",
            Stage::Proxy => "connect through the proxy",
            Stage::Resolve => "resolve the namespace",
            Stage::Connect => "connect",
            Stage::Tls => "agree on TLS",
            Stage::WebSocket => "open a WebSocket",
            Stage::Open => "open AMQP",
            Stage::Authorize => "authorize and find the hub",
            Stage::ConsumerGroup => "attach to the consumer group",
        })
    }
}

/// How a step went. After the first failure there are no further steps.
#[derive(Debug)]
pub struct Finding {
    /// The step.
    pub stage: Stage,
    /// What was found, or why not.
    pub outcome: Result<String, End>,
}

impl Finding {
    /// What an operator can do about a failure.
    pub fn hint(&self) -> Option<&'static str> {
        let reason = self.outcome.as_ref().err()?.reason;
        Some(match (self.stage, reason) {
            (Stage::Token, _) => "see the cause, and docs/credentials.md",
            (Stage::ResolveProxy, _) => "check the host in `proxy.url` and the name server of this machine",
            (Stage::ConnectProxy, _) => {
                "check host and port in `proxy.url`, and that the proxy runs and lets this machine in"
            }
            (Stage::Proxy, _) => "see the cause, and docs/network.md",
            (Stage::Resolve, _) => "check the name of the namespace and the name server of this machine",
            (Stage::Connect, _) => {
                "check that outgoing connections to this port are allowed, and `event_hub.address` for a private endpoint; `transport: websocket` needs port 443 only, and `proxy` leads through an HTTP proxy"
            }
            (Stage::Tls, _) => {
                "if a proxy or a private CA signs the certificate, name it in `event_hub.tls.ca_file`"
            }
            (Stage::WebSocket, EndReason::WebSocketRefused) => {
                "check `event_hub.address` and what stands between: something answers that is not the namespace, or does not let WebSocket through"
            }
            (Stage::WebSocket, _) => "try again in a minute; if it stays so, see what stands between",
            (_, EndReason::Unauthorized) => {
                "give the policy of the key the Listen right, or the identity the role Azure Event Hubs Data Receiver, on this hub; a new role takes some minutes, and a wrong clock invalidates tokens"
            }
            (Stage::Authorize, EndReason::NotFound) => "check `event_hub.name`",
            (Stage::ConsumerGroup, EndReason::NotFound) => "check `event_hub.consumer_group`",
            (_, EndReason::EntityDisabled) => "enable the hub in the portal",
            (_, EndReason::ResourceLimit) => "give this bridge a consumer group of its own",
            (_, EndReason::ServerBusy | EndReason::Timeout) => {
                "try again in a minute; the namespace is throttled or slow"
            }
            _ => "see the cause",
        })
    }
}

/// Tries each step in turn.
pub async fn probe(settings: HubSettings) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    // A failure is in the findings already; there is nothing left to try.
    let _ = run(&Arc::new(settings), &mut findings, &tasks, &stop).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    findings.0
}

struct Findings(Vec<Finding>);

/// A step failed and is among the findings.
struct Failed;

impl Findings {
    fn note<T>(
        &mut self,
        stage: Stage,
        outcome: Result<T, End>,
        text: impl FnOnce(&T) -> String,
    ) -> Result<T, Failed> {
        let (outcome, result) = match outcome {
            Ok(value) => (Ok(text(&value)), Ok(value)),
            Err(end) => (Err(end), Err(Failed)),
        };
        self.0.push(Finding { stage, outcome });
        result
    }
}

async fn run(
    settings: &Arc<HubSettings>,
    findings: &mut Findings,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), Failed> {
    if let Credential::Entra(source) = settings.credential.get() {
        let kind = source.settings().kind.name();
        findings.note(Stage::Token, settings.token().await, |token| {
            match token.expires_at {
                Some(moment) => format!("by `{kind}`, good until {moment}"),
                None => format!("by `{kind}`"),
            }
        })?;
    }
    let tcp = connect(settings, findings).await?;
    let stream = transport::secure(settings, tcp).await;
    let stream = match settings.tls.get() {
        Some(_) => findings.note(Stage::Tls, stream, |_| {
            format!("certificate of `{}` is trusted", settings.hub.namespace)
        })?,
        None => stream.map_err(|_| Failed)?,
    };
    let stream = match settings.transport {
        Transport::Amqp => transport::plain(stream),
        Transport::WebSocket => {
            let upgraded = transport::upgrade(settings, stream).await;
            findings.note(Stage::WebSocket, upgraded, |_| "for AMQP".to_owned())?
        }
    };
    let opened = handshake(settings, stream, 0).await;
    let (handle, session) = findings.note(Stage::Open, opened, |_| "AMQP 1.0".to_owned())?;
    let connection = Connection::start(settings, 0, handle, session, tasks, stop).await;
    let connection = findings.note(Stage::Authorize, connection, |connection| {
        let HubProperties {
            created_at,
            partitions,
        } = &connection.hub;
        let count = partitions.len();
        format!(
            "hub `{}` with {count} partitions, made {created_at}",
            settings.hub.name
        )
    })?;
    let attached = attach(settings, connection, tasks).await;
    findings.note(Stage::ConsumerGroup, attached, Clone::clone)?;
    Ok(())
}

/// Connects to the hub, or to the proxy and by it to the hub.
async fn connect(settings: &HubSettings, findings: &mut Findings) -> Result<TcpStream, Failed> {
    let (host, port) = settings.endpoint();
    let Some(proxy) = settings.proxy_to(&host) else {
        return connect_in(findings, [Stage::Resolve, Stage::Connect], &host, port).await;
    };
    let stages = [Stage::ResolveProxy, Stage::ConnectProxy];
    let tcp = connect_in(findings, stages, proxy.host(), proxy.port()).await?;
    let passed = transport::pass(&proxy, tcp, &host, port).await;
    findings.note(Stage::Proxy, passed, |_| {
        format!("`{proxy}` connects to port {port} of `{host}`")
    })
}

async fn connect_in(
    findings: &mut Findings,
    [resolve, connect]: [Stage; 2],
    host: &str,
    port: u16,
) -> Result<TcpStream, Failed> {
    let addresses = findings.note(resolve, transport::resolve(host, port).await, |found| {
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        texts.join(", ")
    })?;
    findings.note(connect, transport::connect_tcp(&addresses).await, |tcp| {
        tcp.peer_addr()
            .map_or_else(|_| String::new(), |peer| peer.to_string())
    })
}

/// Attaches to one partition without owner level and without credit: an active reader keeps its partition.
async fn attach(
    settings: &HubSettings,
    connection: Arc<Connection>,
    tasks: &TaskTracker,
) -> Result<String, End> {
    let partition = connection.hub.partitions[0].clone();
    let selector = selector(&StartPosition::Earliest, false);
    let group = &settings.consumer_group;
    match Link::attach(connection, settings, tasks, &partition, &selector, None).await {
        Ok(link) => {
            link.close().await;
            Ok(format!("`{group}` can be read"))
        }
        Err(end) if end.reason == EndReason::Stolen => Ok(format!("`{group}` has an active reader")),
        Err(end) => Err(end),
    }
}
