//! Whole lines, through whole maps.

use crate::map::testing::{compiled, file, rendered, with_record};
use crate::map::unmapped::left_out_values;

const CEF: &str = "\
output: cef
schema: cef-27
own_keys: [eventUid]
header:
  device_vendor: Microsoft
  device_product: Defender for Cloud
  device_version: \"1.0\"
  event_class_id: .Class
  name: .Name
  severity: .Severity
extension:
  rt: .Time
  src: .Address
  cn1: { label: Count, value: .Count }
  cs1: { label: Resource ID, value: .Resource }
  externalId: .Id
  msg: .Text
  eventUid: .Uid
";

#[test]
fn cef_escapes_what_readers_unescape() {
    let body = r#"{"Class":"a|b\\c","Name":"two\nlines","Severity":8,"Text":"a=b\\c|d\r\ne\tf\u0007","Resource":" /r "}"#;
    assert_eq!(
        rendered(CEF, body),
        "CEF:0|Microsoft|Defender for Cloud|1.0|a\\|b\\\\c|two lines|8|cs1=/r cs1Label=Resource ID msg=a\\=b\\\\c|d\\r\\ne f"
    );
}

/// Scenario: values that do not fit their keys. Guarantees: they are absent, with their labels, and the rest is there.
#[test]
fn cef_leaves_out_what_does_not_fit() {
    let body =
        r#"{"Severity":11,"Time":"soon","Address":"2001:db8::1","Count":1.5,"Uid":"u","Text":["a",{"b":1}]}"#;
    assert_eq!(
        rendered(CEF, body),
        "CEF:0|Microsoft|Defender for Cloud|1.0|Unknown|Unknown|Unknown|msg=a, {\"b\":1} eventUid=u"
    );
    let body = r#"{"Severity":"High","Time":"2024-11-08T07:01:02Z","Address":"192.0.2.1","Count":"7"}"#;
    assert_eq!(
        rendered(CEF, body),
        "CEF:0|Microsoft|Defender for Cloud|1.0|Unknown|Unknown|High|rt=1731049262000 src=192.0.2.1 cn1=7 cn1Label=Count"
    );
}

#[test]
fn cef_cuts_to_the_length_of_the_key() {
    let body = format!(r#"{{"Id":"{}ü"}}"#, "x".repeat(39));
    let line = rendered(CEF, &body);
    assert!(
        line.ends_with(&format!("|externalId={}", "x".repeat(39))),
        "{line}"
    );
}

const LEEF: &str = "\
output: leef
own_keys: [alertName, eventUid]
header: { vendor: Microsoft, product: Defender for Cloud, version: \"1.0\", event_id: .Id }
attributes:
  devTime: .Time
  sev: .Severity
  usrName: .User
  src: .Address
  alertName: .Name
  eventUid: .Uid
";

/// Scenario: values that a line loses in whole or in part, and values of a header. Guarantees: the first are counted once
/// each, as cut or as left out; the others are not.
#[test]
fn what_a_line_loses_is_counted() {
    let fitting = r#"{"Class":"c","Name":"n","Severity":8,"Time":"2024-11-08T07:01:02Z","Address":"192.0.2.1","Count":7}"#;
    assert_eq!(lost(CEF, fitting), (0, 0));
    let body = r#"{"Class":"c","Name":"n","Severity":11,"Time":"0001-01-01T00:00:00Z","Address":"::1","Text":" ","Other":1}"#;
    assert_eq!(lost(CEF, body), (3, 1));
    let body = r#"{"Id":"a^b","User":"a^b","Name":"^","Uid":"u","Address":"host"}"#;
    assert_eq!(lost(LEEF, body), (3, 0));
}

/// Values of a record that were cut, and those that were left out.
fn lost(map: &str, body: &str) -> (u32, u32) {
    let (plan, diagnostics) = compiled(file(map));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));
    with_record(body, |context| {
        let cut = plan.render(context, &mut Vec::new()).expect("it can be mapped");
        (cut, left_out_values(context, &plan.taken))
    })
}

#[test]
fn leef_has_no_escape() {
    let body = r#"{"Id":"a|b","Time":"2024-11-08T07:01:02Z","Severity":8,"Name":"x=1^2\n|y\\","Address":"2001:db8::1","Uid":"^^"}"#;
    assert_eq!(
        rendered(LEEF, body),
        "LEEF:2.0|Microsoft|Defender for Cloud|1.0|a b|^|devTime=1731049262000^sev=8^src=2001:db8::1^alertName=x=12 |y\\"
    );
    assert_eq!(
        rendered(LEEF, r#"{"Severity":11,"Time":0}"#),
        "LEEF:2.0|Microsoft|Defender for Cloud|1.0|Unknown|^|"
    );
    let body = format!(r#"{{"User":"{}"}}"#, "u".repeat(300));
    assert!(rendered(LEEF, &body).ends_with(&format!("|^|usrName={}", "u".repeat(255))));
}

/// Scenario: a field that must be there is not, or does not fit. Guarantees: a map error, as in JSON.
#[test]
fn required_keys_are_errors_when_absent() {
    let map = format!("{CEF}required: [event_class_id, src]\n");
    assert_eq!(rendered(&map, "{}"), "required field `event_class_id` is absent");
    let body = r#"{"Class":"c","Address":"::1"}"#;
    assert_eq!(rendered(&map, body), "required field `src` is absent");
}
