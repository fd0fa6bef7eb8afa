//! What is remembered of one item, in few bytes: a target may have hundreds of thousands of them.

use sha2::{Digest, Sha256};

use crate::event::Timestamp;
use crate::route::ten_thousandths::TenThousandths;

/// The item key as a hash: half of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey(pub [u8; 16]);

impl ItemKey {
    /// Of an item key as a record offers it.
    pub fn new(key: &str) -> Self {
        Self(first_half(&Sha256::digest(key)))
    }
}

/// What a record says about its item, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Hash of all that counts as a change; never zeros only. Of a score, the first half of it hashes that, the second
    /// half what a moving score leaves as it is.
    pub fingerprint: [u8; 16],
    /// The percentage of a score that has one; such a fingerprint has halves.
    pub percentage: Option<TenThousandths>,
}

impl Content {
    /// Whether the two differ in nothing but numbers that move with a score, and both have a percentage.
    pub fn is_same_score_scale(&self, other: &Content) -> bool {
        self.percentage.is_some()
            && other.percentage.is_some()
            && self.fingerprint[8..] == other.fingerprint[8..]
    }
}

/// What a target last delivered of one item, or that nothing is known since some moment.
///
/// Order: by `enqueued_time`; the newest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// When the hub took in the record that this is about.
    pub enqueued_time: Timestamp,
    /// Zeros only where nothing is known.
    fingerprint: [u8; 16],
    /// [`NO_PERCENTAGE`] for none.
    percentage: u32,
    /// Whether the file does not have it yet.
    pub(super) is_changed: bool,
}

const NO_PERCENTAGE: u32 = u32::MAX;

/// Size of one in the file: time and percentage in big-endian order, then the fingerprint.
pub const ENCODED_BYTES: usize = 28;

impl Remembered {
    /// What was delivered, or `None` for a moment from which on nothing is known: a Delete, a rejection.
    pub fn new(enqueued_time: Timestamp, content: Option<Content>) -> Self {
        let percentage = content.and_then(|content| content.percentage);
        Self {
            enqueued_time,
            fingerprint: content.map_or([0; 16], |content| content.fingerprint),
            percentage: percentage.map_or(NO_PERCENTAGE, TenThousandths::get),
            is_changed: false,
        }
    }

    /// What was delivered; `None` where nothing is known.
    pub fn content(&self) -> Option<Content> {
        let percentage = (self.percentage != NO_PERCENTAGE).then(|| TenThousandths::new(self.percentage));
        (self.fingerprint != [0; 16]).then_some(Content {
            fingerprint: self.fingerprint,
            percentage,
        })
    }

    /// The bytes that stand in the file.
    pub fn encode(&self) -> [u8; ENCODED_BYTES] {
        let mut bytes = [0; ENCODED_BYTES];
        bytes[..8].copy_from_slice(&self.enqueued_time.as_millis().to_be_bytes());
        bytes[8..12].copy_from_slice(&self.percentage.to_be_bytes());
        bytes[12..].copy_from_slice(&self.fingerprint);
        bytes
    }

    /// The reverse of [`Remembered::encode`]; every value is one.
    pub fn decode(bytes: &[u8; ENCODED_BYTES]) -> Self {
        let (mut time, mut percentage, mut fingerprint) = ([0; 8], [0; 4], [0; 16]);
        time.copy_from_slice(&bytes[..8]);
        percentage.copy_from_slice(&bytes[8..12]);
        fingerprint.copy_from_slice(&bytes[12..]);
        Self {
            enqueued_time: Timestamp::from_millis(i64::from_be_bytes(time)),
            fingerprint,
            percentage: u32::from_be_bytes(percentage),
            is_changed: false,
        }
    }
}

/// The first 16 bytes of a digest.
pub fn first_half(digest: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let percentages = [
            None,
            Some(TenThousandths::new(0)),
            Some(TenThousandths::new(4783)),
        ];
        for percentage in percentages {
            let content = Content {
                fingerprint: [7; 16],
                percentage,
            };
            for content in [None, Some(content)] {
                let remembered = Remembered::new(Timestamp::from_millis(-1_700_000_000_123), content);
                let read = Remembered::decode(&remembered.encode());
                assert_eq!(read, remembered);
                assert_eq!(read.content(), content);
            }
        }
    }

    #[test]
    fn an_item_takes_few_bytes() {
        assert!(size_of::<(ItemKey, Remembered)>() <= 48);
    }
}
