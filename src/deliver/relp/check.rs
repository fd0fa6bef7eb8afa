//! The harmless try of `check --connect`: a session without a message.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::end::End;
use super::link::Link;
use super::session::{Event, Session};
use super::settings::Settings;
use crate::deliver::stream::{self, connect};

/// How long the receiver may take to answer; a person waits.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the receiver would not do.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Problem {
    /// What is wrong.
    pub cause: String,
    /// What to do.
    pub fix: &'static str,
}

/// Opens a session and closes it. Gives the name of the receiver's software as it says it.
pub async fn check(settings: &Settings) -> Result<String, Problem> {
    open(settings).await.map_err(|end| Problem {
        cause: end.detail(),
        fix: fix(&end),
    })
}

async fn open(settings: &Settings) -> Result<String, End> {
    let connecting = connect(&settings.address, settings.tls.as_ref());
    let mut link = Link::new(connecting.await.map_err(End::NotConnected)?);
    let mut session = Session::<Infallible>::open(&mut link.output, Instant::now());
    let answer = timeout(ANSWER_TIMEOUT, next(&mut link, &mut session)).await;
    let software = match answer.unwrap_or(Err(End::NoAnswer))? {
        Event::Opened { software } => software,
        Event::NotOpened { text } => return Err(End::NotOpened { text }),
        _ => return Err(End::ServerClosed),
    };
    session.close(&mut link.output, Instant::now());
    // How it takes our leave does not matter.
    let _ = timeout(ANSWER_TIMEOUT, next(&mut link, &mut session)).await;
    link.shut_down().await;
    Ok(software)
}

/// The next thing the receiver says.
async fn next(link: &mut Link, session: &mut Session<Infallible>) -> Result<Event<Infallible>, End> {
    let mut events = Vec::new();
    loop {
        link.exchange().await.map_err(End::from)?;
        let result = link.events(session, &mut events);
        if !events.is_empty() {
            return Ok(events.swap_remove(0));
        }
        result.map_err(End::from)?;
    }
}

fn fix(end: &End) -> &'static str {
    match end {
        End::NotConnected(stream::Error::Tls { .. }) => {
            "name the certificate of the receiver's issuer in `tls.ca_file`; check that the host, or `tls.server_name`, is \
             the name in its certificate, and that the port is the one with TLS"
        }
        End::NotConnected(_) => "check host and port, name resolution and firewalls",
        End::Lost(super::link::Error::Tls { .. }) => {
            "show a certificate that the receiver trusts by `tls.client_certificate`"
        }
        End::Lost(super::link::Error::Session(_)) => {
            "check that a RELP receiver listens at that port, with TLS or without"
        }
        End::NotOpened { .. } => "let the receiver take the command `syslog`",
        End::Lost(_) | End::ServerClosed | End::NoAnswer | End::Closed { .. } => {
            "check that a RELP receiver listens at that port, with TLS or without, and that it lets this client in"
        }
    }
}
