//! Bodies of events, and lines that become bodies when they are sent.

use bytes::{BufMut, Bytes};

/// Replaced in a line of a file by the global number of the event.
const PLACEHOLDER: &str = "{{sequence}}";

/// The content of one event.
#[derive(Debug, Clone)]
pub enum Body {
    /// One data section, as every known sender writes it.
    Data(Bytes),
    /// An amqp-value section with a string, as a foreign sender may write it.
    Text(String),
    /// Several data sections.
    Sections(Vec<Bytes>),
    /// Encoded sections, copied as they are: what arrived over AMQP, or deliberately broken bytes.
    Encoded(Bytes),
}

impl Body {
    /// Appends the encoded sections to `out`.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Body::Data(bytes) => {
                put_data_header(out, bytes.len());
                out.put_slice(bytes);
            }
            Body::Text(text) => {
                out.put_slice(&[0x00, 0x53, 0x77, 0xb1]);
                out.put_u32(length(text.len()));
                out.put_slice(text.as_bytes());
            }
            Body::Sections(sections) => {
                for bytes in sections {
                    put_data_header(out, bytes.len());
                    out.put_slice(bytes);
                }
            }
            Body::Encoded(bytes) => out.put_slice(bytes),
        }
    }
}

/// A line of a file, cut at its placeholders.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Bytes>,
}

impl Template {
    /// Reads a line; every `{{sequence}}` in it is replaced when an event is made from it.
    pub fn new(line: &str) -> Self {
        Self {
            parts: line
                .split(PLACEHOLDER)
                .map(|part| Bytes::copy_from_slice(part.as_bytes()))
                .collect(),
        }
    }

    /// Appends the event with this global number as one data section to `out`.
    pub(super) fn put(&self, counter: u64, out: &mut Vec<u8>) {
        let number = counter.to_string();
        let size: usize = self.parts.iter().map(Bytes::len).sum();
        put_data_header(out, size + number.len() * (self.parts.len() - 1));
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                out.put_slice(number.as_bytes());
            }
            out.put_slice(part);
        }
    }
}

fn put_data_header(out: &mut Vec<u8>, size: usize) {
    out.put_slice(&[0x00, 0x53, 0x75, 0xb0]);
    out.put_u32(length(size));
}

fn length(size: usize) -> u32 {
    u32::try_from(size).expect("a body is smaller than 4 GiB")
}
