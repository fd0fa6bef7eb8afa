//! What happens to a body on its way: most stay alone and whole, some share an event, a few are damaged.

use super::random::Random;

/// The shape of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// One record, as the exporter writes it.
    Single,
    /// One record behind a UTF-8 byte order mark.
    ByteOrderMark,
    /// Several records in a JSON array.
    Array,
    /// Several records under `records`.
    Records,
    /// Several records, one a line.
    Lines,
    /// Several records, one a line, and a last line that is no JSON.
    LinesWithRest,
    /// An array without records.
    NoRecords,
    /// One record that ends too early.
    Truncated,
    /// One record with a byte that no UTF-8 text has.
    InvalidUtf8,
    /// No bytes at all.
    Empty,
}

/// Of a thousand events, so many of each shape; the rest is single.
const SHARES: [(Twist, u64); 9] = [
    (Twist::ByteOrderMark, 3),
    (Twist::Array, 8),
    (Twist::Records, 8),
    (Twist::Lines, 6),
    (Twist::LinesWithRest, 2),
    (Twist::NoRecords, 1),
    (Twist::Truncated, 4),
    (Twist::InvalidUtf8, 3),
    (Twist::Empty, 2),
];

impl Twist {
    /// A shape, by its share.
    pub fn choose(random: &mut Random) -> Self {
        let mut number = random.below(1000);
        for (twist, share) in SHARES {
            if number < share {
                return twist;
            }
            number -= share;
        }
        Twist::Single
    }

    /// How many records to write.
    pub fn items(self, random: &mut Random) -> u32 {
        match self {
            Twist::NoRecords | Twist::Empty => 0,
            Twist::Array | Twist::Records | Twist::Lines | Twist::LinesWithRest => 2 + random.below(4) as u32,
            _ => 1,
        }
    }

    /// How many of the records written can be decoded.
    pub fn records(self, items: u32) -> u32 {
        if self.is_damage() { 0 } else { items }
    }

    /// How many records a decoder calls undecodable.
    pub fn undecodable(self) -> u32 {
        u32::from(self.is_damage() || self == Twist::LinesWithRest)
    }

    /// What stands before the first record, between two, and after the last.
    pub fn frame(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Twist::ByteOrderMark => ("\u{feff}", "", ""),
            Twist::Array | Twist::NoRecords => ("[", ",", "]"),
            Twist::Records => (r#"{"records":["#, ",", "]}"),
            Twist::Lines => ("", "\n", "\n"),
            Twist::LinesWithRest => ("", "\n", "\n<end of batch>"),
            _ => ("", "", ""),
        }
    }

    /// Does the damage, if this is one.
    pub fn damage(self, body: &mut Vec<u8>, random: &mut Random) {
        let middle = body.len() / 4 + random.below(1 + body.len() as u64 / 2) as usize;
        match self {
            Twist::Truncated => body.truncate(middle),
            Twist::InvalidUtf8 => body[middle] = 0xFF,
            _ => {}
        }
    }

    fn is_damage(self) -> bool {
        matches!(self, Twist::Truncated | Twist::InvalidUtf8 | Twist::Empty)
    }
}
