//! Alerts in the shape of the REST API, brought to the names that the export uses, so that maps and keys see one shape.

use std::borrow::Cow;

use super::json::{Member, Value};
use super::text::text;

/// Names whose wire form is more than a capital first letter: today's API, then the older generations'.
const RENAMED: [(&str, &str); 8] = [
    ("timeGeneratedUtc", "TimeGenerated"),
    ("processingEndTimeUtc", "ProcessingEndTime"),
    ("state", "Status"),
    ("reportedSeverity", "Severity"),
    ("reportedTimeUtc", "TimeGenerated"),
    ("detectedTimeUtc", "StartTimeUtc"),
    ("alertName", "AlertType"),
    ("associatedResource", "AzureResourceId"),
];

/// Names that the export keeps inside `ExtendedProperties`.
const EXTENDED: [&str; 2] = ["ProductComponentName", "ActionTaken"];

/// Whether an alert has the REST shape.
pub fn is_rest(document: &Value<'_>) -> bool {
    let properties = document.get("properties");
    properties.is_some_and(|properties| properties.as_object().is_some())
        && document.get("SystemAlertId").is_none()
}

/// The alert in wire names: what was in `properties` stands at the top, followed by what was beside it.
pub fn to_wire<'e>(document: Value<'e>) -> Value<'e> {
    let Value::Object(members) = document else {
        return document;
    };
    let mut wire = Vec::with_capacity(members.len() + 40);
    let mut beside = Vec::with_capacity(members.len());
    for (name, value) in members {
        match value {
            Value::Object(properties) if name.eq_ignore_ascii_case("properties") => {
                add_properties(&mut wire, properties);
            }
            value => beside.push((name, value)),
        }
    }
    wire.append(&mut beside);
    let mut wire = Value::Object(wire);
    add_identity(&mut wire);
    move_extended(&mut wire);
    wrap_remediation(&mut wire);
    wire
}

fn add_properties<'e>(wire: &mut Vec<Member<'e>>, properties: Vec<Member<'e>>) {
    // An old name must not cover the present one if both are there.
    let is_present = |wanted: &str| {
        properties
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    let names: Vec<Cow<'e, str>> = properties
        .iter()
        .map(|(name, _)| {
            let renamed = RENAMED.iter().find(|(old, _)| old.eq_ignore_ascii_case(name));
            match renamed {
                Some((_, new)) if !is_present(new) => Cow::Borrowed(*new),
                _ => capitalised(name),
            }
        })
        .collect();
    wire.extend(
        names
            .into_iter()
            .zip(properties.into_iter().map(|(_, value)| value)),
    );
}

fn capitalised<'e>(name: &Cow<'e, str>) -> Cow<'e, str> {
    match name.bytes().next() {
        Some(first) if first.is_ascii_lowercase() => {
            let mut text = name.to_string();
            text[..1].make_ascii_uppercase();
            Cow::Owned(text)
        }
        _ => name.clone(),
    }
}

/// Alerts of the older generations have no `systemAlertId`; there `name` is the same id.
fn add_identity(wire: &mut Value<'_>) {
    if text(wire.get("SystemAlertId")).is_some() {
        return;
    }
    let Some(name) = text(wire.get("name")).cloned() else {
        return;
    };
    if let Value::Object(members) = wire {
        members.push((Cow::Borrowed("SystemAlertId"), Value::String(name)));
    }
}

/// Moves what the export keeps in `ExtendedProperties` there, unless it has such a member already.
fn move_extended(wire: &mut Value<'_>) {
    let Value::Object(members) = wire else {
        return;
    };
    for name in EXTENDED {
        let Some(from) = position(members, name) else {
            continue;
        };
        let to = match position(members, "ExtendedProperties") {
            Some(to) if matches!(members[to].1, Value::Null) => {
                members[to].1 = Value::Object(Vec::new());
                to
            }
            Some(to) => to,
            None => {
                members.push((Cow::Borrowed("ExtendedProperties"), Value::Object(Vec::new())));
                members.len() - 1
            }
        };
        if members[to].1.as_object().is_none() || members[to].1.get(name).is_some() {
            continue;
        }
        let moved = std::mem::replace(&mut members[from].1, Value::Null);
        if let Value::Object(extended) = &mut members[to].1 {
            extended.push((Cow::Borrowed(name), moved));
        }
        members.remove(from);
    }
}

/// The export has a list of steps, the older API one text.
fn wrap_remediation(wire: &mut Value<'_>) {
    let Value::Object(members) = wire else {
        return;
    };
    if let Some(index) = position(members, "RemediationSteps") {
        let steps = &mut members[index].1;
        if matches!(steps, Value::String(_)) {
            *steps = Value::Array(vec![std::mem::replace(steps, Value::Null)]);
        }
    }
}

fn position(members: &[Member<'_>], wanted: &str) -> Option<usize> {
    members
        .iter()
        .position(|(name, _)| name.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::{is_rest, to_wire};
    use crate::decode::json::{parse, write_value};

    fn check(input: &str, expected: &str) {
        let document = parse(input).unwrap();
        assert!(is_rest(&document));
        let mut output = Vec::new();
        write_value(&mut output, &to_wire(document));
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[test]
    fn renames_todays_alerts() {
        check(
            r#"{"id":"/x","name":"n","type":"t","properties":{"systemAlertId":"a","timeGeneratedUtc":"g","processingEndTimeUtc":"p","subTechniques":["T1"],"entities":[{"type":"ip"}]}}"#,
            r#"{"SystemAlertId":"a","TimeGenerated":"g","ProcessingEndTime":"p","SubTechniques":["T1"],"Entities":[{"type":"ip"}],"id":"/x","name":"n","type":"t"}"#,
        );
    }

    #[test]
    fn renames_older_generations() {
        check(
            r#"{"name":"n","properties":{"state":"Active","reportedSeverity":"High","reportedTimeUtc":"r","detectedTimeUtc":"d","alertName":"a","associatedResource":"/s","remediationSteps":"do","actionTaken":"Detected","instanceId":"i"}}"#,
            r#"{"Status":"Active","Severity":"High","TimeGenerated":"r","StartTimeUtc":"d","AlertType":"a","AzureResourceId":"/s","RemediationSteps":["do"],"InstanceId":"i","name":"n","SystemAlertId":"n","ExtendedProperties":{"ActionTaken":"Detected"}}"#,
        );
    }

    #[test]
    fn an_old_name_beside_the_new_one_covers_nothing() {
        check(
            r#"{"properties":{"systemAlertId":"a","state":"Old","status":"New"}}"#,
            r#"{"SystemAlertId":"a","State":"Old","Status":"New"}"#,
        );
    }

    #[test]
    fn the_component_moves_into_extended_properties() {
        let rest = |extended: &str| {
            format!(r#"{{"properties":{{"systemAlertId":"a","productComponentName":"DNS"{extended}}}}}"#)
        };
        let moved = r#"{"SystemAlertId":"a","ExtendedProperties":{"ProductComponentName":"DNS"}}"#;
        check(&rest(""), moved);
        check(&rest(r#","extendedProperties":null"#), moved);
        check(
            &rest(r#","extendedProperties":{"a b":1}"#),
            r#"{"SystemAlertId":"a","ExtendedProperties":{"a b":1,"ProductComponentName":"DNS"}}"#,
        );
        check(
            &rest(r#","extendedProperties":{"productComponentName":"Containers"}"#),
            r#"{"SystemAlertId":"a","ProductComponentName":"DNS","ExtendedProperties":{"productComponentName":"Containers"}}"#,
        );
        check(
            &rest(r#","extendedProperties":"text""#),
            r#"{"SystemAlertId":"a","ProductComponentName":"DNS","ExtendedProperties":"text"}"#,
        );
    }
}
