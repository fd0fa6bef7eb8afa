use crate::map::testing::value;

const BODY: &str = r#"{"t":"High Port","n":3.0,"big":123456789012345678901,"b":true,"z":null,"l":["a","B",7],"ip":"192.0.2.7","guid":"0B1C2D3E-0000-4000-8000-0123456789ab","o":{"x":1}}"#;

#[test]
fn conditions_hold_as_they_should() {
    let cases = [
        ("{ .t: high port }", true),
        ("{ .t: High }", false),
        ("{ .t: [x, HIGH PORT] }", true),
        ("{ .t: { starts_with: hi } }", true),
        ("{ .t: { starts_with: [x, HIGH] } }", true),
        ("{ .t: { ends_with: ORT } }", true),
        ("{ .t: { ends_with: this is longer } }", false),
        ("{ .t: { contains: 'h p' } }", true),
        ("{ .t: { contains: nothing } }", false),
        ("{ .t: { matches: '^high\\s+p' } }", true),
        ("{ .t: { matches: '^port' } }", false),
        ("{ .n: 3 }", true),
        ("{ .n: \"3\" }", true),
        ("{ .n: [1, 2] }", false),
        ("{ .big: 123456789012345678901 }", true),
        ("{ .b: true }", true),
        ("{ .b: \"TRUE\" }", true),
        ("{ .b: false }", false),
        ("{ .z: { exists: false } }", true),
        ("{ .z: x }", false),
        ("{ .missing: { exists: true } }", false),
        ("{ .o: { exists: true } }", true),
        ("{ .o: x }", false),
        ("{ .l: b }", true),
        ("{ .l: 7 }", true),
        ("{ .l: { starts_with: a } }", true),
        ("{ '.l[]': c }", false),
        ("{ .ip: { is: ipv4 } }", true),
        ("{ .ip: { is: [ipv6, guid] } }", false),
        ("{ .guid: { is: guid } }", true),
        ("{ '.t | lower | truncate(4)': high }", true),
        ("{ .t: high port, .n: 3 }", true),
        ("{ .t: high port, .n: 4 }", false),
        ("{ any: [{ .n: 4 }, { .b: true }] }", true),
        ("{ any: [{ .n: 4 }, { .b: false }] }", false),
        ("{ not: { .n: 4 } }", true),
        ("{ not: { .missing: x } }", true),
        ("{ .n: 3, not: { any: [{ .t: x }, { .b: false }] } }", true),
        ("{ $record.kind: [Unknown] }", true),
    ];
    for (condition, expected) in cases {
        let result = value(&format!("{{ when: {condition}, use: yes }}"), BODY);
        assert_eq!(result, if expected { "\"yes\"" } else { "" }, "{condition}");
    }
}
