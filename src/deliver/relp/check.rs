//! The harmless try of `check --connect`: a session without a message.

use std::convert::Infallible;
use std::time::{self, Duration};

use tokio::time::{Instant, timeout};

use super::end::End;
use super::link::Link;
use super::session::{Event, Session};
use super::settings::Settings;
use crate::deliver::stream::{self, connect};
use crate::finding::{Finding, Problem};

/// How long the receiver may take to answer; a person waits.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a session and closes it; it is found what software the receiver says it is.
pub async fn check(settings: &Settings) -> Finding {
    let since = time::Instant::now();
    let result = match open(settings).await {
        Ok(software) if software.is_empty() => {
            Ok("opens a session and offers `syslog`; what it is it does not say".to_owned())
        }
        Ok(software) => Ok(format!("opens a session and offers `syslog`; it is {software}")),
        Err(end) => Err(Problem::new(end.detail(), fix(&end))),
    };
    Finding::new(settings.address.to_string(), result.into(), since)
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
