//! Records become lines.

/// Adds a record as one line.
///
/// A JSON record that keeps the bytes it came with may be spread over lines. Outside its strings a line end means
/// nothing, and inside them it cannot stand unescaped, so a space may take its place.
pub fn append_line(record: &[u8], lines: &mut Vec<u8>) {
    let start = lines.len();
    lines.extend_from_slice(record);
    let mut from = start;
    while let Some(index) = memchr::memchr2(b'\n', b'\r', &lines[from..]) {
        lines[from + index] = b' ';
        from += index + 1;
    }
    lines.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::append_line;

    #[test]
    fn a_record_is_one_line() {
        let cases = [
            (r#"{"a":1}"#, "{\"a\":1}\n"),
            ("{\n  \"a\": \"x\\n\"\r\n}", "{   \"a\": \"x\\n\"  }\n"),
            ("", "\n"),
        ];
        for (record, expected) in cases {
            let mut lines = b"before\n".to_vec();
            append_line(record.as_bytes(), &mut lines);
            assert_eq!(String::from_utf8_lossy(&lines), format!("before\n{expected}"));
        }
    }
}
