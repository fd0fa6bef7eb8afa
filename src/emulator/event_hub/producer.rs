//! Sends: a message or a batch of messages becomes events of a partition.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_amqp::Value;

use crate::event::Timestamp;

use super::body::Body;
use super::codec::{Error, entry, text};
use super::hub::Hub;
use super::message::{Section, section, sections};

/// Message format of a batch: each data section is one whole encoded message.
const BATCH_FORMAT: u32 = 0x8001_3700;

struct Incoming {
    body: Bytes,
    partition_key: Option<Arc<str>>,
}

/// Appends what one delivery holds. `partition` is the one its link is bound to, if any.
pub(super) fn accept(hub: &Hub, partition: Option<usize>, format: u32, message: &Bytes) -> Result<(), Error> {
    let outer = sections(message)?;
    let outer_key = partition_key(&outer)?;
    let mut events = Vec::new();
    if format == BATCH_FORMAT {
        for part in outer.iter().filter(|part| part.code == section::DATA) {
            events.push(event(sections(&part.data()?)?)?);
        }
    } else {
        events.push(event(outer)?);
    }
    let count = events.len() as u64;
    hub.change_log(|log| {
        let now = Timestamp::now();
        // A batch stays together: all its events go to one partition.
        let batch_key = outer_key.or_else(|| events.first().and_then(|event| event.partition_key.clone()));
        let chosen = match (partition, &batch_key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => hash(key) as usize % log.partitions.len(),
            (None, None) => log.round_robin(),
        };
        for event in events {
            let key = event.partition_key.or_else(|| batch_key.clone());
            log.partitions[chosen].append(Body::Encoded(event.body), key, now);
        }
    });
    hub.counters
        .events_received
        .fetch_add(count, std::sync::atomic::Ordering::Relaxed);
    Ok(())
}

/// Keeps what the sender wrote for readers; header and annotations belong to the hub.
fn event(parts: Vec<Section>) -> Result<Incoming, Error> {
    let partition_key = partition_key(&parts)?;
    let mut body = BytesMut::new();
    for part in parts {
        if (section::PROPERTIES..=section::VALUE).contains(&part.code) {
            body.extend_from_slice(&part.bytes);
        }
    }
    Ok(Incoming {
        body: body.freeze(),
        partition_key,
    })
}

fn partition_key(parts: &[Section]) -> Result<Option<Arc<str>>, Error> {
    for part in parts {
        if part.code == u64::from(section::MESSAGE_ANNOTATIONS) {
            let annotations: Value = part.value()?;
            return Ok(entry(&annotations, "x-opt-partition-key")
                .and_then(text)
                .map(Arc::from));
        }
    }
    Ok(None)
}

/// FNV-1a: any stable hash will do, the service's own is not documented.
fn hash(key: &str) -> u32 {
    key.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
