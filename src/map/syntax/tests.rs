use super::*;

fn shown(text: &str) -> String {
    let pipe = match parse(text) {
        Ok(pipe) => pipe,
        Err(error) => return format!("{} at {:?}", error.message, error.range),
    };
    let mut shown = pipe
        .variable
        .map_or(String::new(), |name| format!("${}", name.text));
    for selector in pipe.selectors {
        shown += &match selector {
            Selector::Key(key) => format!(" {key}"),
            Selector::Index(index) => format!(" [{index}]"),
            Selector::All => " []".to_owned(),
            Selector::Filter {
                key,
                value,
                is_negated,
            } => {
                format!(" [{key} {} {value}]", if is_negated { "is not" } else { "is" })
            }
        };
    }
    for call in pipe.calls {
        let arguments: Vec<_> = call.arguments.iter().map(|name| name.text.as_str()).collect();
        shown += &format!(" > {}{arguments:?}", call.name.text);
    }
    shown
}

#[test]
fn reads_every_form_of_a_path() {
    let cases = [
        (".", ""),
        (".A.b", " A b"),
        (".Path.To[0].Key", " Path To [0] Key"),
        (
            ".Entities[Type=host].HostName",
            " Entities [Type is host] HostName",
        ),
        (".Entities[Type!=K8s-pod]", " Entities [Type is not K8s-pod]"),
        (".x[].\"key with space\"", " x [] key with space"),
        ("$v.cvss.\"3.0\".base", "$v cvss 3.0 base"),
        ("$stages", "$stages"),
        (".a | split(\",\") | first", " a > split[\",\"] > first[]"),
        (".a|replace(\"\\\"\", \"\\n\")", " a > replace[\"\\\"\", \"\\n\"]"),
        (".a | arm( subscription )", " a > arm[\"subscription\"]"),
        (".a | count()", " a > count[]"),
        (".[Type=a]", " [Type is a]"),
        (".größe", " größe"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    let cases = [
        (".a b", "unexpected `b` after the path at 3..4"),
        (".a.", "a name is missing after `.` at 3..3"),
        ("$", "a name is missing after `$` at 1..1"),
        (".a[Type", "`[` without `]` at 2..7"),
        (".a[x]", "`[x]` is no selector at 2..5"),
        (".a[=x]", "`[=x]` is no selector at 2..6"),
        (".a |", "a function is missing after `|` at 4..4"),
        (".a | split(\",\"", "`(` without `)` at 11..12"),
        (".a.\"b", "a quote is not closed at 3..5"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn reads_templates() {
    let pieces = parse_template("{{{$a | lower}@{.b}}}").expect("it is valid");
    let shown: Vec<_> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Pipe(pipe) => format!("{} calls", pipe.calls.len()),
        })
        .collect();
    assert_eq!(shown, ["{", "1 calls", "@", "0 calls", "}"]);
    for (text, expected) in [
        ("{.a", "`{` without `}`"),
        ("a}", "`}` without `{`"),
        ("{a}", "a path is missing"),
    ] {
        let error = parse_template(text).expect_err(text);
        assert_eq!(error.message, expected);
    }
}
