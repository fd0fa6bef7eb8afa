//! One request body: encoded and compressed once, opened again only if a batch must be taken apart after its records let go.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::envelope::{self, Envelopes};
use crate::acknowledge::Held;
use crate::event::Rendered;

/// Envelopes are gathered to this size before the compressor sees them, because each of its calls has a price.
const GATHER_BYTES: usize = 32 << 10;

/// A request body and where the events stand in it.
#[derive(Debug)]
pub struct Request {
    /// What is sent.
    pub body: Bytes,
    /// Whether `body` is compressed.
    pub is_gzip: bool,
    /// Start and length of each event in the uncompressed body.
    events: Vec<(usize, usize)>,
    /// Room in the window for `body`.
    _held: Held,
}

impl Request {
    /// Encodes `records` in order. `scratch` is room to be used again for the next request.
    ///
    /// Panics if there is no record, because an empty request is our own bug.
    pub fn encode(records: &[Rendered], envelopes: &Envelopes, is_gzip: bool, scratch: &mut Vec<u8>) -> Self {
        let mut events = Vec::with_capacity(records.len());
        let mut position = 0;
        let mut push = |out: &mut Vec<u8>, record: &Rendered| {
            let before = out.len();
            out.extend_from_slice(envelope::HEAD);
            let start = out.len();
            envelope::push_event(out, record);
            events.push((position + envelope::HEAD.len(), out.len() - start));
            envelopes.push_tail(out, record);
            position += out.len() - before;
        };
        let mut body = if is_gzip {
            let mut encoder = GzEncoder::new(Vec::with_capacity(GATHER_BYTES), Compression::fast());
            scratch.clear();
            for record in records {
                push(scratch, record);
                if scratch.len() >= GATHER_BYTES {
                    encoder.write_all(scratch).expect(IN_MEMORY);
                    scratch.clear();
                }
            }
            encoder.write_all(scratch).expect(IN_MEMORY);
            encoder.finish().expect(IN_MEMORY)
        } else {
            let mut body = Vec::with_capacity(records.iter().map(|record| envelopes.size(record)).sum());
            records.iter().for_each(|record| push(&mut body, record));
            body
        };
        body.shrink_to_fit();
        let window = records.first().expect("a batch has a record").held.window();
        Self {
            _held: window.hold(body.len() + events.len() * size_of::<(usize, usize)>()),
            body: Bytes::from(body),
            is_gzip,
            events,
        }
    }

    /// The record of each envelope, in order; JSON records are one shared run of bytes.
    pub fn events(&self) -> impl Iterator<Item = Bytes> {
        let plain = if self.is_gzip {
            let mut plain = Vec::new();
            GzDecoder::new(&self.body[..])
                .read_to_end(&mut plain)
                .expect("what was compressed here can be opened here");
            Bytes::from(plain)
        } else {
            self.body.clone()
        };
        self.events
            .iter()
            .map(move |(start, length)| envelope::record_of(plain.slice(*start..start + length)))
    }
}

const IN_MEMORY: &str = "compressing into memory cannot fail";
