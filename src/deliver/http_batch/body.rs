//! One request body, encoded and compressed once for all its tries.

use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::batch::Batch;
use super::protocol::{Body, Protocol};
use crate::acknowledge::Held;
use crate::deliver::Context;
use crate::event::EventId;

/// A request body as it is sent.
#[derive(Debug)]
pub struct Encoded {
    /// What is sent.
    pub bytes: Bytes,
    /// Whether it is compressed.
    pub is_gzip: bool,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// `Idempotency-Key`, if it has one.
    pub idempotency_key: Option<EventId>,
    /// Room in the window for `bytes`, if records are in them.
    _held: Option<Held>,
}

impl Encoded {
    /// A body without records.
    pub fn small(bytes: &'static [u8], content_type: &'static str) -> Self {
        Self {
            bytes: Bytes::from_static(bytes),
            is_gzip: false,
            content_type,
            idempotency_key: None,
            _held: None,
        }
    }
}

/// The body of `batch`; one that was made before is used again if it has the wanted form.
pub fn encode<'b>(
    batch: &'b mut Batch,
    protocol: &impl Protocol,
    is_gzip: bool,
    context: &Context,
) -> &'b Encoded {
    // A peer that takes no compression stays so, and one that does takes both.
    let body = match batch.body.take() {
        Some(body) if is_gzip || !body.is_gzip => body,
        _ => make(batch, protocol, is_gzip, context),
    };
    batch.body.insert(body)
}

fn make(batch: &Batch, protocol: &impl Protocol, is_gzip: bool, context: &Context) -> Encoded {
    let began = Instant::now();
    let Body {
        bytes,
        content_type,
        idempotency_key,
    } = protocol.encode(batch.lane, &batch.records);
    let bytes = match is_gzip {
        true => Bytes::from(compress(&bytes)),
        false => Bytes::from(bytes),
    };
    let first = batch.records.first().expect("a batch has a record");
    let seconds = &context.metrics.deliver_seconds;
    let seconds = seconds.with_label_values(&[&*context.target]);
    seconds.observe(began.elapsed().as_secs_f64());
    Encoded {
        _held: Some(first.held.window().hold(bytes.len())),
        bytes,
        is_gzip,
        content_type,
        idempotency_key,
    }
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("compressing into memory cannot fail")
}
