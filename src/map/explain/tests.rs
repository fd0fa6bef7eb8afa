use super::*;
use crate::config::diagnostic::Diagnostics;
use crate::map::file::{MappingFile, Written};
use crate::map::testing::{compiled, file, with_record};

const MAP: &str = r#"let:
  host: .Entities[Type=host] | first
tables:
  severity: { Low: 21 }
fields:
  a.severity: { lookup: severity, key: .Severity }
  a.host: $host.HostName
  b.when: .Time | rfc3339
  b.mail:
    text: "{.user}@{.domain}"   # both parts
  b.tag:
    when: { .Severity: High }
    use: [x]
  c: fixed
  d.text: .nothing
  d.kind: fixed
keep_if:
  d: [text]
"#;

fn explained(body: &str) -> String {
    let (plan, problems) = compiled(file(MAP));
    let plan = plan.unwrap_or_else(|| panic!("{}", problems.render(false)));
    let written = Written::parse(file(MAP)).expect("it is YAML");
    let header = MappingFile::of(&written, &mut Diagnostics::default()).expect("it is valid");
    let info = MapInfo::of(&header, &written, false);
    with_record(body, |context| {
        let lines = explain(&plan, &info, context).into_iter().map(|field| {
            format!(
                "{} = {:?} <- {} ({}) {:?} {:?}",
                field.target, field.value, field.written, field.place, field.sources, field.reason
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// Scenario: a record with some of what a map asks for. Guarantees: each field names its line, what it was made of, and
/// if it is absent, why.
#[test]
fn every_field_is_accounted_for() {
    insta::assert_snapshot!(explained(
        r#"{"Severity":"low","Entities":[{"Type":"host","HostName":"web"}],"Time":"yesterday","user":"ann"}"#
    ));
    insta::assert_snapshot!(explained(r#"{"Severity":"Odd","Entities":[{"Type":"ip"}]}"#));
}
