//! The identity of a delivery: the same record of the same event has the same id at every target and after every restart.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Hub, PartitionId, SequenceNumber, Timestamp};

/// First 16 bytes of SHA-256 over namespace, hub, partition, sequence number, enqueued time in milliseconds and
/// record index, joined by NUL. Written as 32 lower-case hexadecimal digits.
///
/// No consumer group and no mapping revision take part, so that two targets and two runs agree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId([u8; 16]);

impl EventId {
    /// Computes the id of record `index` of an event.
    pub fn new(
        hub: &Hub,
        partition: &PartitionId,
        sequence_number: SequenceNumber,
        enqueued_time: Timestamp,
        index: u32,
    ) -> Self {
        let numbers = [sequence_number.0, enqueued_time.as_millis(), i64::from(index)];
        let mut digest = Sha256::new();
        for text in [&*hub.namespace, &*hub.name, partition.as_str()] {
            digest.update(text);
            digest.update([0]);
        }
        let mut text = itoa::Buffer::new();
        for (position, number) in numbers.into_iter().enumerate() {
            if position > 0 {
                digest.update([0]);
            }
            digest.update(text.format(number));
        }
        let digest = digest.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// The id of another record that is about this one: the first 16 bytes of SHA-256 over this id and `texts`, joined by
    /// NUL. The same texts give the same id.
    pub fn derived(self, texts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        digest.update(self.0);
        for text in texts {
            digest.update([0]);
            digest.update(text);
        }
        let digest = digest.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// The id written as 32 lower-case hexadecimal digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return None;
        }
        let number = u128::from_str_radix(text, 16).ok()?;
        Some(Self(number.to_be_bytes()))
    }

    /// The 32 digits without an allocation.
    pub fn to_hex(self) -> HexText {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (index, byte) in self.0.into_iter().enumerate() {
            text[2 * index] = DIGITS[usize::from(byte >> 4)];
            text[2 * index + 1] = DIGITS[usize::from(byte & 15)];
        }
        HexText(text)
    }
}

/// The digits of an [`EventId`].
#[derive(Clone, Copy)]
pub struct HexText([u8; 32]);

impl HexText {
    /// The digits as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.to_hex().as_str())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected digits were computed with coreutils: `printf '…\0…' | sha256sum | cut -c1-32`.
    #[test]
    fn is_the_documented_digest() {
        let hub = Hub {
            namespace: "contoso.servicebus.windows.net".into(),
            name: "defender".into(),
        };
        let id = EventId::new(
            &hub,
            &PartitionId::new("3"),
            SequenceNumber(4711),
            Timestamp::from_millis(1_700_000_000_123),
            2,
        );
        assert_eq!(id.to_string(), "dc8ea958360be0095a8c5e8f06f14c1c");
        assert_eq!(EventId::from_hex("dc8ea958360be0095a8c5e8f06f14c1c"), Some(id));
        for text in [
            "",
            "dc8e",
            "DC8EA958360BE0095A8C5E8F06F14C1C",
            "+c8ea958360be0095a8c5e8f06f14c1c",
        ] {
            assert_eq!(EventId::from_hex(text), None, "{text}");
        }
        let derived = id.derived(&["a", "b"]);
        assert_eq!(derived, id.derived(&["a", "b"]));
        assert_ne!(derived, id.derived(&["a", "c"]));
        assert_ne!(derived, id);
    }
}
