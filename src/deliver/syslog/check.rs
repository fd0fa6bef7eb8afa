//! `check --connect` for a `syslog` target: a connection as the real one is made, and not a line on it.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::connection::{Connection, End};
use super::datagrams;
use super::framing::Framing;
use super::settings::{Settings, Way};
use crate::deliver::stream;
use crate::durable::retry::chain;
use crate::finding::{Finding, Problem};

/// How long a receiver may take to refuse us after TLS was agreed on, which is when TLS 1.3 lets it look at our certificate.
const REFUSAL_WAIT: Duration = Duration::from_millis(500);

/// Connects and, with TLS, checks the receiver's certificate and shows ours. What that proves is found.
pub async fn check(settings: &Settings) -> Finding {
    let since = Instant::now();
    let result = connect(settings).await;
    Finding::new(settings.address.to_string(), result.into(), since)
}

async fn connect(settings: &Settings) -> Result<String, Problem> {
    let (framing, tls) = match &settings.way {
        Way::Datagrams => {
            let opened = datagrams::open(&settings.address).await;
            let done = "has an address; by UDP nothing tells whether somebody listens there".to_owned();
            return opened.map(|_| done).map_err(|error| {
                let cause = format!("no datagram can be sent to `{}`: {error}", settings.address);
                Problem::new(cause, "check `address` and the route to it")
            });
        }
        Way::Stream { framing, tls } => (framing, tls.as_ref()),
    };
    let opened = Connection::open(&settings.address, tls).await;
    let mut connection = opened.map_err(|error| Problem::new(chain(&error), fix(&error)))?;
    if let Ok(end) = timeout(REFUSAL_WAIT, connection.ended()).await {
        let fix = match end {
            End::Refused { .. } => "give the receiver a certificate it trusts: `tls.client_certificate`",
            _ => {
                "check that this is the port of syslog with the same transport, and that this host may use it"
            }
        };
        return Err(Problem::new(chain(&end), fix));
    }
    // How the receiver takes that does not matter.
    let _ = connection.half_close().await;
    let frames = match framing {
        Framing::OctetCounting => "counted octets",
        Framing::LineFeed => "lines",
    };
    let secured = if tls.is_some() { " with TLS" } else { "" };
    Ok(format!(
        "can be connected to{secured}; whether it understands {frames} no connection tells: look there for the first records"
    ))
}

fn fix(error: &stream::Error) -> &'static str {
    match error {
        stream::Error::Resolve { .. } => "check the host in `address`, and the name server",
        stream::Error::Connect { .. } => {
            "check `address`, that the receiver listens by TCP, and the firewall"
        }
        stream::Error::Interrupted { .. } => "check that the receiver speaks TLS at this port",
        stream::Error::Tls { .. } => {
            "check `tls.ca_file`, `tls.fingerprints` and the names in the receiver's certificate"
        }
    }
}
