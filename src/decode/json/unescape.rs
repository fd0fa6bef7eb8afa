//! Turns the inside of a JSON string into text.

/// The text that `raw`, the bytes between the quotes, stands for. `None` for an unknown escape, digits that are none,
/// or a surrogate without its partner.
pub(super) fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(position) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..position]);
        let (character, length) = escape(rest.as_bytes().get(position + 1..)?)?;
        text.push(character);
        rest = rest.get(position + 1 + length..)?;
    }
    text.push_str(rest);
    Some(text)
}

/// The character an escape stands for, and its length without the backslash.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    let character = match bytes.first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return code_point(bytes.get(1..)?),
        _ => return None,
    };
    Some((character, 1))
}

fn code_point(bytes: &[u8]) -> Option<(char, usize)> {
    let first = four_digits(bytes)?;
    if !(0xd800..0xdc00).contains(&first) {
        // A trailing surrogate alone is no character, so this refuses it as well.
        return char::from_u32(first).map(|character| (character, 5));
    }
    let second = four_digits(bytes.get(4..)?.strip_prefix(b"\\u")?)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    let combined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    char::from_u32(combined).map(|character| (character, 11))
}

fn four_digits(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<4>()?.iter().try_fold(0, |number, byte| {
        Some(number << 4 | char::from(*byte).to_digit(16)?)
    })
}
