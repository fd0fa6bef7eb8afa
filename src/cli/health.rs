//! `health`: asks the running bridge, for images without curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::exit::Failure;
use super::load::block_on;

/// A bridge that does not answer within this is not well.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Succeeds if `/readyz` of the bridge with this configuration answers 200; else prints what it says.
pub fn run(config: &Path) -> Result<(), Failure> {
    let listen = crate::config::http_address(config)?;
    let url = format!("http://{}/readyz", reachable(listen));
    let answer = block_on(ask(&url))?.map_err(Failure::Peer)?;
    println!("{}", answer.trim_end());
    Ok(())
}

async fn ask(url: &str) -> anyhow::Result<String> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
    let response = client
        .get(url)
        .send()
        .await
        .with_context(|| format!("failed to ask {url}"))?;
    let status = response.status();
    let body = response
        .text()
        .await
        .with_context(|| format!("failed to read the answer of {url}"))?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(anyhow!("the bridge is not ready:\n{}", body.trim_end()))
    }
}

/// Who listens on every address is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
