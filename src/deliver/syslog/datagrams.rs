//! The worker of a `syslog` target by UDP: one line a datagram, settled as soon as the system took it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::line::Fit;
use super::settings::Settings;
use crate::deliver::Context;
use crate::deliver::retry_reason::RetryReason;
use crate::deliver::stream::Address;
use crate::durable::retry::Retry;
use crate::event::{RejectReason, Rejection, Rendered};

/// Records taken from the queue and settled at once.
const MAX_TAKEN_RECORDS: usize = 500;

/// What Linux says of a datagram that the network cannot carry.
const MESSAGE_TOO_LONG: i32 = 90;

/// Sends records until their channel ends.
///
/// A receiver on the way that says that nobody listens is believed: the record at hand waits and is sent again. Those
/// before it are lost.
pub async fn work(settings: &Settings, mut records: mpsc::Receiver<Rendered>, context: &Context) {
    let mut sender = Sender {
        settings,
        context,
        socket: None,
        retry: Retry::default(),
    };
    let mut taken = Vec::new();
    let mut line = Vec::new();
    while records.recv_many(&mut taken, MAX_TAKEN_RECORDS).await > 0 {
        let mut sent = Vec::new();
        for record in taken.drain(..) {
            line.clear();
            let sending = match settings.line.encode(&record.bytes, &record.about, &mut line) {
                Ok(fit) => {
                    let truncated = &context.metrics.deliver_truncated_records_total;
                    let is_shortened = u64::from(fit == Fit::Shortened);
                    truncated
                        .with_label_values(&[&*context.target])
                        .inc_by(is_shortened);
                    sender.send(&line).await
                }
                Err(error) => Err(error.into()),
            };
            match sending {
                Ok(()) => sent.push(record),
                Err(rejection) => context.rejected(record, rejection).await,
            }
        }
        sender.settle(sent);
    }
}

struct Sender<'w> {
    settings: &'w Settings,
    context: &'w Context,
    socket: Option<UdpSocket>,
    retry: Retry,
}

impl Sender<'_> {
    /// Sends one line, however long that takes.
    async fn send(&mut self, line: &[u8]) -> Result<(), Rejection> {
        loop {
            match self.try_send(line).await {
                Ok(()) => {
                    self.retry.succeeded();
                    return Ok(());
                }
                Err(error) if error.raw_os_error() == Some(MESSAGE_TOO_LONG) => {
                    return Err(Rejection {
                        reason: RejectReason::TooLarge,
                        detail: format!("no datagram can carry a line of {} bytes: {error}", line.len()),
                    });
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn try_send(&mut self, line: &[u8]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(&self.settings.address).await?,
        };
        socket.send(line).await?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Says what is wrong and waits for a while; the next try looks the name up again.
    async fn failed(&mut self, error: &io::Error) {
        let failure = self.retry.failed();
        let target = &*self.context.target;
        let metrics = &self.context.metrics;
        metrics
            .deliver_retries_total
            .with_label_values(&[target, RetryReason::Connect.as_str()])
            .inc();
        metrics
            .deliver_records_total
            .with_label_values(&[target, "retry"])
            .inc();
        if failure.is_to_be_logged {
            tracing::warn!(
                target_name = target,
                detail = %error,
                failures = failure.failures,
                "datagrams cannot be sent to the syslog receiver; records wait"
            );
        }
        sleep(failure.delay).await;
    }

    fn settle(&self, sent: Vec<Rendered>) {
        if sent.is_empty() {
            return;
        }
        let metrics = &self.context.metrics;
        let labels = [&*self.context.target];
        metrics.deliver_batches_total.with_label_values(&labels).inc();
        let bytes: usize = sent.iter().map(|record| record.bytes.len()).sum();
        metrics
            .deliver_bytes_total
            .with_label_values(&labels)
            .inc_by(bytes as u64);
        self.context
            .delivered(sent.into_iter().map(|record| record.ticket));
    }
}

/// A socket that sends to the first address of the receiver's name.
pub async fn open(address: &Address) -> io::Result<UdpSocket> {
    let mut found = lookup_host((address.host.as_str(), address.port)).await?;
    let receiver = found
        .next()
        .ok_or_else(|| io::Error::other(format!("`{}` has no address", address.host)))?;
    let local: SocketAddr = match receiver {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(receiver).await?;
    Ok(socket)
}
