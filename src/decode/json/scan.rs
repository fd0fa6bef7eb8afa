//! Finds the bytes of a JSON string that need attention, eight at a time.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Bytes that are looked at at once in a long run.
const BLOCK_BYTES: usize = 32;

/// Bytes at the start of a run that are looked at by words: most strings end there.
const SHORT_BYTES: usize = 16;

/// Position of the first quote, backslash or control character (below 0x20) at or after `from`; the length if none.
pub(super) fn find_special(bytes: &[u8], from: usize) -> usize {
    let mut position = from;
    while let Some(chunk) = bytes.get(position..).and_then(|rest| rest.first_chunk::<8>()) {
        if let Some(offset) = first_special(u64::from_le_bytes(*chunk)) {
            return position + offset;
        }
        position += 8;
        if position == from + SHORT_BYTES {
            position = skip_blocks(bytes, position);
        }
    }
    match tail(bytes.get(position..).unwrap_or_default(), bytes) {
        Some(word) => first_special(word).map_or(bytes.len(), |offset| position + offset),
        None => bytes.len(),
    }
}

/// Position of the first block at or after `from` that has something in it, or of the rest that is no whole block.
fn skip_blocks(bytes: &[u8], from: usize) -> usize {
    let mut position = from;
    while let Some(block) = bytes
        .get(position..)
        .and_then(|rest| rest.first_chunk::<BLOCK_BYTES>())
    {
        if has_special(block) {
            break;
        }
        position += BLOCK_BYTES;
    }
    position
}

/// Without a way out of the loop, so that it compiles to instructions that take many bytes at a time.
fn has_special(block: &[u8; BLOCK_BYTES]) -> bool {
    block.iter().fold(false, |found, byte| {
        found | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\')
    })
}

/// The last bytes of `bytes`, fewer than eight, as a word filled up with blanks; `None` if there are none. Most names
/// are that short, and a loop over their bytes costs more than all else.
fn tail(rest: &[u8], bytes: &[u8]) -> Option<u64> {
    let filled = |word: u64| word | (LOW_BITS * u64::from(b' ')) << (rest.len() * 8);
    if let (Some(last), false) = (bytes.last_chunk::<8>(), rest.is_empty()) {
        return Some(filled(u64::from_le_bytes(*last) >> ((8 - rest.len()) * 8)));
    }
    let word = match (rest.first_chunk::<4>(), rest.last_chunk::<4>(), rest) {
        // Where both halves overlap they say the same.
        (Some(first), Some(last), _) => {
            let last = u64::from(u32::from_le_bytes(*last));
            u64::from(u32::from_le_bytes(*first)) | last << ((rest.len() - 4) * 8)
        }
        (_, _, [first]) => u64::from(*first),
        (_, _, [first, second]) => u64::from(u16::from_le_bytes([*first, *second])),
        (_, _, [first, second, third]) => u64::from(u32::from_le_bytes([*first, *second, *third, 0])),
        _ => return None,
    };
    Some(filled(word))
}

/// Position of the first byte of a word that needs attention.
fn first_special(word: u64) -> Option<usize> {
    // A borrow may mark bytes above a true match as well; the lowest mark is always true.
    let marks = below_blank(word) | equal(word, b'"') | equal(word, b'\\');
    (marks != 0).then(|| (marks.trailing_zeros() / 8) as usize)
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
    use super::find_special;

    fn is_special(byte: u8) -> bool {
        byte < 0x20 || byte == b'"' || byte == b'\\'
    }

    /// Scenario: every byte value at every offset of runs up to three words, and up to two blocks, among blanks and among 0xff.
    /// Guarantees: the answer is that of the byte-by-byte definition.
    #[test]
    fn agrees_with_the_definition() {
        for filler in [b' ', b'!', 0x80, 0xff] {
            for length in (0..24).chain([47, 48, 49, 80, 85]) {
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

    /// Scenario: runs of every short length, searched from every place, with what needs attention before it.
    /// Guarantees: what stands before the start plays no part.
    #[test]
    fn what_stands_before_plays_no_part() {
        for length in 0..20 {
            for from in 0..=length {
                for place in from..=length {
                    let mut bytes = vec![b'"'; from];
                    bytes.resize(length, b'x');
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = b'\n';
                    }
                    assert_eq!(
                        find_special(&bytes, from),
                        place,
                        "{place} of {length} from {from}"
                    );
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
