//! The socket of one connection: reads, writes, heartbeats, and the faults that concern it.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::endpoint::{Endpoint, Error};
use super::hub::Hub;

/// Serves one peer until it leaves, a fault ends it, or `stop` is cancelled.
pub(super) async fn serve<S>(stream: S, hub: Arc<Hub>, stop: CancellationToken) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut changes = hub.changes.subscribe();
    let mut endpoint = Endpoint::new(Arc::clone(&hub));
    let mut period = endpoint.heartbeat;
    let mut heartbeat = tokio::time::interval(period);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unflushed = false;
    loop {
        changes.borrow_and_update();
        let silent = {
            let faults = hub.faults.state();
            if faults.drops != endpoint.drops {
                return Ok(());
            }
            faults.silent
        };
        if silent {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = changes.changed() => continue,
            }
        }
        endpoint.step()?;
        if endpoint.heartbeat != period {
            period = endpoint.heartbeat;
            heartbeat = tokio::time::interval(period);
            heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        if endpoint.is_closing() && endpoint.out.is_empty() && !unflushed {
            writer.shutdown().await?;
            return Ok(());
        }
        let authorized_for = endpoint.authorized_for();
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            written = write_some(&mut writer, &mut endpoint.out), if unflushed || !endpoint.out.is_empty() => {
                unflushed = written?;
            }
            read = reader.read_buf(&mut endpoint.input) => {
                if read? == 0 {
                    return Ok(());
                }
            }
            _ = changes.changed() => {}
            () = close_limit(endpoint.close_by) => return Ok(()),
            () = token_end(authorized_for) => {}
            _ = heartbeat.tick() => endpoint.put_heartbeat(),
        }
    }
}

async fn token_end(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

async fn close_limit(limit: Option<Instant>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(limit).await,
        None => std::future::pending().await,
    }
}

/// Writes or, when all is written, flushes; gives whether a flush is still due. May be dropped at any point.
async fn write_some(writer: &mut (impl AsyncWrite + Unpin), out: &mut BytesMut) -> std::io::Result<bool> {
    if out.is_empty() {
        writer.flush().await?;
        return Ok(false);
    }
    writer.write_buf(out).await?;
    Ok(true)
}
