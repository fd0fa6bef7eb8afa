//! What is wrong with the output of a map, and that nothing is wrong with good output.

use super::validate;
use crate::map::schema::Schema;

fn problems(schema: &str, output: &str) -> Vec<String> {
    let schema = Schema::named(schema).expect("there is such a schema");
    let own = ["own".to_owned(), "vendor.alert".to_owned(), "eventUid".to_owned()];
    validate(schema, &own, output.as_bytes())
}

const FINDING: &str = r#"{"class_uid":2004,"class_name":"Detection Finding","category_uid":2,"category_name":"Findings","activity_id":1,"activity_name":"Create","type_uid":200401,"type_name":"Detection Finding: Create","time":0,"severity_id":4,"severity":"High","metadata":{"version":"1.8.0","product":{"name":"x"}},"finding_info":{"uid":"i"},"resources":[{"uid":"r","role_id":99,"role":"mine"}],"own":{"x":1}}"#;

#[test]
fn good_output_has_no_problem() {
    for (schema, output) in [
        (
            "ecs-9.4.0",
            r#"{"@timestamp":"2024-11-08T07:01:02Z","event":{"category":["malware"],"type":["info"],"severity":7},"vendor":{"alert":{"a":1}},"labels":{"a":"b"}}"#,
        ),
        ("ocsf-1.8.0/detection_finding", FINDING),
        (
            "cim/Alerts",
            r#"{"severity":"high","type":"alert","src":["192.0.2.1"],"own":{}}"#,
        ),
        (
            "log-analytics/SecureScores",
            r#"{"MaxScore":5,"PercentageScore":0.5,"Properties":{"a":[]},"IsSnapshot":true}"#,
        ),
        (
            "cef-27",
            r"CEF:0|M\|S|D|1|a\\b|n|8|msg=a\=b c\nd cs1=x cs1Label=L src=192.0.2.1 eventUid=e",
        ),
        ("cef-27", r"CEF:0|M|D|1|a|n|Unknown|"),
        (
            "leef-2.0",
            r"LEEF:2.0|M|D|1|e|^|devTime=1731049262000^sev=5^eventUid=a=b",
        ),
    ] {
        assert_eq!(problems(schema, output), [""; 0], "{output}");
    }
}

#[test]
fn problems_name_their_fields() {
    let ocsf = "ocsf-1.8.0/detection_finding";
    let wrong = |from: &str, to: &str| (ocsf, FINDING.replacen(from, to, 1));
    let cases = [
        ("ecs-9.4.0", r#"{"event":{"severty":7,"kind":"alrt","category":["malware"],"type":["deletion"],"severity":"high"},"tags":"x","vendor":{"other":1},"host":{"name":["a"]}}"#.to_owned()),
        ("ecs-9.4.0", "[]".to_owned()),
        ("ecs-9.4.0", "{".to_owned()),
        wrong("\"High\"", "\"high\""),
        wrong("\"role_id\":99", "\"role_id\":3"),
        wrong("\"uid\":\"r\",", ""),
        wrong("\"finding_info\":{\"uid\":\"i\"},", ""),
        wrong("\"time\":0", "\"time\":\"now\",\"tme\":1"),
        wrong("200401", "200402"),
        wrong("\"metadata\":{", "\"metadata\":{\"profiles\":[\"cloud\"],"),
        ("cim/Alerts", r#"{"severity":"High","user":{"a":1},"cvss":1}"#.to_owned()),
        ("log-analytics/SecureScores", r#"{"MaxScore":5000000000,"Weight":0.5,"Wieght":1,"TimeGenerated":"now"}"#.to_owned()),
        ("cef-27", "CEF:1|M|D|1|a|n|8|".to_owned()),
        ("cef-27", "CEF:0|M|D|1|a|n|8".to_owned()),
        ("cef-27", "CEF:0|M|D|1|a|n|11|src=::1 mgs=x cs1=a msg=b msg=c act=\\q".to_owned()),
        ("cef-27", format!("CEF:0|M|D|1|a|n|8|src=::1 mgs=x cs1=a cn2Label=x msg=b msg=c externalId={}", "x".repeat(41))),
        ("cef-27", "CEF:0|M|D|1|a|n|8|msg=a\nb".to_owned()),
        ("leef-2.0", "LEEF:2.0|M|D|1|e|^|sev=11^usrNam=x^y^devTime=now".to_owned()),
        ("leef-2.0", "LEEF:2.0|M|D|1|^|sev=1".to_owned()),
        ("leef-2.0", "LEEF:2.0|M|D|1|e|x09|sev=1".to_owned()),
    ];
    let all: Vec<_> = cases
        .iter()
        .map(|(schema, output)| {
            let problems = problems(schema, output);
            assert!(!problems.is_empty(), "{output}");
            format!("# {schema}\n{}\n", problems.join("\n"))
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}
