//! AMQP 1.0 frames and performatives as generic values.
//!
//! Every list is written with all its fields, nulls included: the official Python client reads fields by their fixed
//! position and fails on the shorter lists that a typed encoder produces.

use bytes::{BufMut, BytesMut};
use serde_amqp::Value;
use serde_amqp::described::Described;
use serde_amqp::descriptor::Descriptor;
use serde_amqp::primitives::{OrderedMap, Symbol};

/// Frame type of AMQP performatives.
pub(super) const FRAME_AMQP: u8 = 0;
/// Frame type of the SASL exchange.
pub(super) const FRAME_SASL: u8 = 1;

/// Descriptor codes of the performatives and of the SASL frames.
pub(super) mod code {
    pub const OPEN: u64 = 0x10;
    pub const BEGIN: u64 = 0x11;
    pub const ATTACH: u64 = 0x12;
    pub const FLOW: u64 = 0x13;
    pub const TRANSFER: u64 = 0x14;
    pub const DISPOSITION: u64 = 0x15;
    pub const DETACH: u64 = 0x16;
    pub const END: u64 = 0x17;
    pub const CLOSE: u64 = 0x18;
    pub const ERROR: u64 = 0x1d;
    pub const ACCEPTED: u64 = 0x24;
    pub const SASL_MECHANISMS: u64 = 0x40;
    pub const SASL_INIT: u64 = 0x41;
    pub const SASL_OUTCOME: u64 = 0x44;
}

/// What was wrong with bytes of a peer, or with a value that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes end before the value they announce, or announce no known value.
    #[error("malformed AMQP bytes in {context}")]
    Malformed {
        /// What was being read.
        context: &'static str,
    },
    /// The AMQP library refused a value.
    #[error("failed to encode or decode an AMQP value")]
    Value(#[from] serde_amqp::Error),
}

/// Fields of a described list by position; missing trailing fields read as null.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(pub Vec<Value>);

impl Fields {
    /// Fields of a described list value; empty for anything else.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Described(described) => match &described.value {
                Value::List(list) => Self(list.clone()),
                _ => Self::default(),
            },
            _ => Self::default(),
        }
    }

    /// The field at `index`, null if it is missing.
    pub fn get(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }

    /// An unsigned field of any width.
    pub fn uint(&self, index: usize) -> Option<u32> {
        unsigned(self.get(index)).and_then(|number| u32::try_from(number).ok())
    }

    /// A boolean field; null is false.
    pub fn flag(&self, index: usize) -> bool {
        matches!(self.get(index), Value::Bool(true))
    }

    /// A string or symbol field.
    pub fn text(&self, index: usize) -> Option<&str> {
        text(self.get(index))
    }
}

/// Text of a string or symbol.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Symbol(symbol) => Some(symbol.0.as_str()),
        _ => None,
    }
}

/// Number of an unsigned value of any width.
pub(super) fn unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Ubyte(number) => Some(u64::from(*number)),
        Value::Ushort(number) => Some(u64::from(*number)),
        Value::Uint(number) => Some(u64::from(*number)),
        Value::Ulong(number) => Some(*number),
        _ => None,
    }
}

/// The entry `key` of a map with string or symbol keys; `None` also if `map` is no map.
pub(super) fn entry<'a>(map: &'a Value, key: &str) -> Option<&'a Value> {
    let Value::Map(map) = map else { return None };
    map.iter()
        .find(|(name, _)| text(name) == Some(key))
        .map(|(_, value)| value)
}

/// A symbol.
pub(super) fn symbol(name: &str) -> Value {
    Value::Symbol(Symbol::from(name))
}

/// A string.
pub(super) fn string(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

/// A map from symbols to values.
pub(super) fn symbols(entries: Vec<(&str, Value)>) -> Value {
    let mut map = OrderedMap::new();
    for (key, value) in entries {
        map.insert(symbol(key), value);
    }
    Value::Map(map)
}

/// A map from strings to values.
pub(super) fn strings(entries: Vec<(&str, Value)>) -> Value {
    let mut map = OrderedMap::new();
    for (key, value) in entries {
        map.insert(string(key), value);
    }
    Value::Map(map)
}

/// A value with a descriptor code.
pub(super) fn described(code: u64, value: Value) -> Value {
    Value::Described(Box::new(Described {
        descriptor: Descriptor::Code(code),
        value,
    }))
}

/// A described list with all its fields.
pub(super) fn list(code: u64, fields: Vec<Value>) -> Value {
    described(code, Value::List(fields))
}

/// An AMQP error with its description.
pub(super) fn error(condition: &str, description: &str) -> Value {
    list(
        code::ERROR,
        vec![
            symbol(condition),
            string(description),
            Value::Map(OrderedMap::new()),
        ],
    )
}

/// Appends one frame around `body`.
pub(super) fn put_frame(out: &mut BytesMut, frame_type: u8, channel: u16, body: &[u8]) {
    let size = u32::try_from(body.len() + 8).expect("a frame is smaller than 4 GiB");
    out.put_u32(size);
    out.put_u8(2);
    out.put_u8(frame_type);
    out.put_u16(channel);
    out.put_slice(body);
}

/// Appends one frame with a performative and no payload.
pub(super) fn put_performative(
    out: &mut BytesMut,
    channel: u16,
    code: u64,
    fields: Vec<Value>,
) -> Result<(), Error> {
    put_frame(
        out,
        FRAME_AMQP,
        channel,
        &serde_amqp::to_vec(&list(code, fields))?,
    );
    Ok(())
}

/// Splits the first value off `bytes` and decodes it.
pub(super) fn take_value<'a>(bytes: &'a [u8], context: &'static str) -> Result<(Value, &'a [u8]), Error> {
    let length = value_length(bytes).ok_or(Error::Malformed { context })?;
    let value = serde_amqp::from_slice(&bytes[..length])?;
    Ok((value, &bytes[length..]))
}

/// Descriptors within descriptors that are followed; no known peer nests them, and each costs a stack frame.
const DESCRIPTOR_DEPTH_MAX: u32 = 8;

/// Length in bytes of the first encoded value; `None` if the bytes end before it does.
pub(super) fn value_length(bytes: &[u8]) -> Option<usize> {
    length_within(bytes, DESCRIPTOR_DEPTH_MAX)
}

fn length_within(bytes: &[u8], depth: u32) -> Option<usize> {
    let constructor = *bytes.first()?;
    let length = match constructor >> 4 {
        0x0 if constructor == 0 => {
            let depth = depth.checked_sub(1)?;
            let descriptor = length_within(&bytes[1..], depth)?;
            1 + descriptor + length_within(bytes.get(1 + descriptor..)?, depth)?
        }
        0x4 => 1,
        0x5 => 2,
        0x6 => 3,
        0x7 => 5,
        0x8 => 9,
        0x9 => 17,
        0xa | 0xc | 0xe => 2 + usize::from(*bytes.get(1)?),
        0xb | 0xd | 0xf => 5 + usize::try_from(u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?)).ok()?,
        _ => return None,
    };
    (length <= bytes.len()).then_some(length)
}

/// Descriptor code of an encoded described value, for the ulong spellings only.
pub(super) fn descriptor_code(bytes: &[u8]) -> Option<u64> {
    match (bytes.first()?, bytes.get(1)?) {
        (0, 0x53) => bytes.get(2).map(|code| u64::from(*code)),
        (0, 0x80) => Some(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        _ => None,
    }
}
