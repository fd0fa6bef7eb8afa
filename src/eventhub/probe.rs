//! A harmless try of everything the readers will do, for `check --connect`. Nothing is received, and no reader is displaced.

mod groups; // right, consumer groups and partitions
mod stage; // the steps, and what mends each

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, handshake};
use super::credential::Credential;
use super::end_reason::End;
use super::settings::{HubSettings, Transport};
use super::transport;
use crate::credential::{Audience, Kind, Reason, TokenSource, owner};
use crate::event::Timestamp;
use crate::finding::{Finding, Problem, Stopped, Verdict, Walk};
use stage::Stage;

/// How long one step of the protocol may take: less than a running bridge allows it, for a person waits.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A signature that nobody renews and that ends within this time is said beforehand.
const MIN_SIGNATURE_LIFE_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Tries each step in turn, on one connection, for `limit` at most; then each partition of each of `groups`.
pub async fn probe(settings: HubSettings, groups: &[Arc<str>], limit: Duration) -> Vec<Finding> {
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let settings = Arc::new(HubSettings {
        call_timeout: settings.call_timeout.min(CALL_TIMEOUT),
        ..settings
    });
    let steps = Stage::plan(&settings).map(|stage| stage.to_string());
    let groups_at_least = groups.iter().flat_map(|group| groups::names(group, &[]));
    let findings = Walk::take(steps.chain(groups_at_least), limit, async |walk| {
        let connection = connect(&settings, walk, &tasks, &stop).await?;
        groups::attach(&settings, groups, &connection, &tasks, walk).await
    })
    .await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    findings
}

async fn connect(
    settings: &Arc<HubSettings>,
    walk: &mut Walk,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Arc<Connection>, Stopped> {
    credential(settings, walk).await?;
    let tcp = reach(settings, walk).await?;
    let wire = transport::secure(settings, tcp).await;
    let wire = match settings.tls.get() {
        Some(_) => step(walk, Stage::Tls, wire, |_| {
            format!("certificate of `{}` is trusted", settings.hub.namespace)
        })?,
        None => wire.map_err(|_| Stopped)?,
    };
    let stream = match settings.transport {
        Transport::Amqp => transport::plain(wire),
        Transport::WebSocket => {
            let upgraded = transport::upgrade(settings, wire).await;
            step(walk, Stage::WebSocket, upgraded, |_| "for AMQP".to_owned())?
        }
    };
    let opened = handshake(settings, stream, 0).await;
    let opened = step(walk, Stage::Open, opened, |_| "SASL and AMQP 1.0".to_owned())?;
    let mut is_authorized = false;
    let connection = Connection::start(settings, 0, opened, tasks, stop, || {
        is_authorized = true;
        walk.note(Verdict::Ok("`$cbs` takes the token".to_owned()));
    })
    .await;
    let stage = if is_authorized {
        Stage::Hub
    } else {
        Stage::Authorize
    };
    step(walk, stage, connection, |connection| {
        let (hub, count) = (&settings.hub.name, connection.hub.partitions.len());
        format!(
            "hub `{hub}` with {count} partitions, made {}",
            connection.hub.created_at
        )
    })
}

fn step<T>(
    walk: &mut Walk,
    stage: Stage,
    outcome: Result<T, End>,
    text: impl FnOnce(&T) -> String,
) -> Result<T, Stopped> {
    walk.step(outcome.map_err(|end| stage.problem(&end)), text)
}

/// What we identify with, and until when.
async fn credential(settings: &HubSettings, walk: &mut Walk) -> Result<(), Stopped> {
    let verdict = match settings.credential.get() {
        Credential::Entra(source) => return entra(&source, walk).await,
        Credential::SharedAccessKey { name, .. } => {
            Verdict::Ok(format!("signed here with the key of policy `{name}`"))
        }
        Credential::SharedAccessSignature { expires_at, .. } => signature(expires_at, Timestamp::now()),
    };
    walk.note(verdict);
    Ok(())
}

/// A signature is never refused here: it may be our clock that is wrong.
fn signature(expires_at: Option<Timestamp>, now: Timestamp) -> Verdict {
    let Some(end) = expires_at else {
        return Verdict::Ok("a ready-made signature that names no end".to_owned());
    };
    let left_millis = end.millis_since(now);
    if left_millis >= MIN_SIGNATURE_LIFE_MILLIS {
        return Verdict::Ok(format!("a ready-made signature, good until {end}"));
    }
    let is_over = if left_millis < 0 { "ended" } else { "ends" };
    Verdict::Warning(Problem::new(
        format!("the shared access signature {is_over} at {end}, and nobody renews it; here it is {now}"),
        "make a new one, or use the connection string with the key of a policy; if this is not the time, set the clock of this machine",
    ))
}

async fn entra(source: &TokenSource, walk: &mut Walk) -> Result<(), Stopped> {
    let kind = &source.settings().kind;
    let token = source.token(Audience::EventHubs).await;
    let is_silent = matches!(&token, Err(failure) if failure.reason == Reason::Unavailable);
    let result = token.map_err(Problem::from);
    let outcome = walk.step(result, |token| {
        let owner = owner(&token.text).map_or_else(String::new, |owner| format!("; {owner}"));
        format!("by `{}`, good until {}{owner}", kind.name(), token.expires_at)
    });
    // Also when there is no token: a wrong clock may be why.
    match source.clock_skew_millis() {
        None => {}
        Some(_) if is_silent => walk.skip(1),
        Some(skew) => walk.note(Verdict::of_clock(skew, clock_of(kind))),
    }
    outcome.map(drop)
}

fn clock_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::ManagedIdentity(_) => "the service that gives this machine its identity",
        _ => "Microsoft Entra ID",
    }
}

/// Connects to the hub, or to the proxy and by it to the hub.
async fn reach(settings: &HubSettings, walk: &mut Walk) -> Result<TcpStream, Stopped> {
    let (host, port) = settings.endpoint();
    let Some(proxy) = settings.proxy_to(&host) else {
        return connect_to(walk, [Stage::Resolve, Stage::Connect], &host, port).await;
    };
    let stages = [Stage::ResolveProxy, Stage::ConnectProxy];
    let tcp = connect_to(walk, stages, proxy.host(), proxy.port()).await?;
    let passed = transport::pass(&proxy, tcp, &host, port).await;
    step(walk, Stage::Proxy, passed, |_| {
        format!("`{proxy}` connects to port {port} of `{host}`")
    })
}

async fn connect_to(
    walk: &mut Walk,
    [resolve, connect]: [Stage; 2],
    host: &str,
    port: u16,
) -> Result<TcpStream, Stopped> {
    let addresses = step(walk, resolve, transport::resolve(host, port).await, |found| {
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        texts.join(", ")
    })?;
    step(walk, connect, transport::connect_tcp(&addresses).await, |tcp| {
        tcp.peer_addr()
            .map_or_else(|_| String::new(), |peer| peer.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_that_ends_soon_is_said() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let day = 86_400_000;
        for (left_millis, expected) in [
            (8 * day, None),
            (6 * day, Some("ends at")),
            (-1, Some("ended at")),
        ] {
            let end = Timestamp::from_millis(now.as_millis() + left_millis);
            let cause = match signature(Some(end), now) {
                Verdict::Warning(problem) => Some(problem.cause),
                _ => None,
            };
            assert_eq!(cause.is_some(), expected.is_some(), "{left_millis}");
            assert!(
                cause.unwrap_or_default().contains(expected.unwrap_or_default()),
                "{left_millis}"
            );
        }
    }
}
