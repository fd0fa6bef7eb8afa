//! What `/readyz` says.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use prometheus::core::Collector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::plan::{Plan, TargetPlan};
use super::stage::{PATIENCE, Stage, TOKEN};
use crate::support::proxy::Mode;

/// Scenario: the hub cannot be reached at first; then all is well; then the target refuses the token; then a link is
/// lost, which is no trouble.
/// Guarantees: 503 with the name of what is in trouble in each of these states, 200 between them.
#[tokio::test]
async fn says_who_is_in_trouble() {
    let mut stage = Stage::set_up(Plan::new(2, [TargetPlan::splunk("soc")])).await;
    stage.hub_proxy.set(Mode::Refuse).await;
    stage.start().await;
    expect(&mut stage, 503, "the hub cannot be asked for its partitions").await;
    stage.hub_proxy.set(Mode::Pass).await;
    expect(&mut stage, 200, "").await;

    stage.receiver("soc").emulator.set_token("another");
    stage.send_alerts(4);
    expect(&mut stage, 503, "target soc is blocked (authorization)").await;
    stage.receiver("soc").emulator.set_token(TOKEN);
    stage.settled().await;
    expect(&mut stage, 200, "").await;

    // A link that comes again by itself is no news for an operator.
    stage.hub.faults().drop_connections();
    stage
        .until("the loss of a link", |stage| {
            let reconnects = stage.bridge().metrics.eventhub_reconnects_total.collect();
            reconnects.iter().any(|family| !family.get_metric().is_empty())
        })
        .await;
    expect(&mut stage, 200, "").await;
    stage.close().await;
}

/// Waits until health is reported by this status and a body that contains `text`.
async fn expect(stage: &mut Stage, status: u16, text: &str) {
    let address = stage.bridge().http;
    let started = Instant::now();
    let mut answer = None;
    while started.elapsed() < PATIENCE {
        answer = get(address).await;
        if answer
            .as_ref()
            .is_some_and(|(given, body)| *given == status && body.contains(text))
        {
            return;
        }
        stage.pass(Duration::from_millis(50)).await;
    }
    panic!("wanted {status} with `{text}`, health says {answer:?}");
}

async fn get(address: SocketAddr) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
