//! Finds the bytes of a JSON string that need attention, eight at a time.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Position of the first quote, backslash or control character (below 0x20) at or after `from`; the length if none.
pub(super) fn find_special(bytes: &[u8], from: usize) -> usize {
    let mut position = from;
    while let Some(chunk) = bytes.get(position..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        // A borrow may mark bytes above a true match as well; the lowest mark is always true.
        let marks = below_blank(word) | equal(word, b'"') | equal(word, b'\\');
        if marks != 0 {
            return position + (marks.trailing_zeros() / 8) as usize;
        }
        position += 8;
    }
    bytes[position.min(bytes.len())..]
        .iter()
        .position(|byte| is_special(*byte))
        .map_or(bytes.len(), |offset| position + offset)
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn below_blank(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS * 0x20) & !word & HIGH_BITS
}

fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (LOW_BITS * u64::from(byte));
    difference.wrapping_sub(LOW_BITS) & !difference & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::{find_special, is_special};

    /// Scenario: every byte value at every offset of runs up to three words long, among blanks and among 0xff.
    /// Guarantees: the answer is that of the byte-by-byte definition.
    #[test]
    fn agrees_with_the_definition() {
        for filler in [b' ', b'!', 0x80, 0xff] {
            for length in 0..24 {
                for offset in 0..length {
                    for byte in 0..=255 {
                        let mut bytes = vec![filler; length];
                        bytes[offset] = byte;
                        let expected = if is_special(byte) { offset } else { length };
                        assert_eq!(
                            find_special(&bytes, 0),
                            expected,
                            "{byte} at {offset} of {length}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn starts_where_it_is_told() {
        assert_eq!(find_special(b"\"abcdefghij\"", 1), 11);
        assert_eq!(find_special(b"\"", 1), 1);
        assert_eq!(find_special(b"", 0), 0);
    }
}
