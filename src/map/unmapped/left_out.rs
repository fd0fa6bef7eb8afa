//! Counts what a map does not take where the format has no place for it, so that it is not left out in silence.

use super::{Taken, is_marker, last_of_each};
use crate::decode::json::Value;
use crate::map::scope::RecordContext;

/// Values of the record that `taken` leaves over: texts, numbers and truth values, as they would stand among leftovers
/// without any limit on their size.
pub fn left_out_values(context: &RecordContext<'_>, taken: &Taken) -> u32 {
    let counter = Counter {
        context,
        is_replacement: false,
    };
    match context.document() {
        object @ Value::Object(_) => counter.members(object, Some(taken), false),
        other => counter.value(other, None, false),
    }
}

#[derive(Clone, Copy)]
struct Counter<'s, 'e> {
    context: &'s RecordContext<'e>,
    /// As for leftovers: a reference inside what a reference stands for is left out, because it stands elsewhere.
    is_replacement: bool,
}

impl<'s> Counter<'s, '_> {
    fn members(self, object: &'s Value<'s>, taken: Option<&Taken>, has_secret: bool) -> u32 {
        let members = object.as_object().unwrap_or_default();
        let counts = last_of_each(members).map(|(place, member)| {
            let (name, value) = member;
            let is_secret = has_secret && name.eq_ignore_ascii_case("secret");
            let taken = taken.and_then(|taken| taken.member(object, place, member));
            match is_secret || is_marker(name) {
                true => 0,
                false => self.member(name, value, taken),
            }
        });
        counts.sum()
    }

    fn member(self, name: &str, value: &'s Value<'s>, taken: Option<&Taken>) -> u32 {
        if value.is_absent() || taken.is_some_and(|taken| taken.takes(value)) {
            return 0;
        }
        self.value(value, taken, name.eq_ignore_ascii_case("partnersData"))
    }

    fn value(self, value: &'s Value<'s>, taken: Option<&Taken>, has_secret: bool) -> u32 {
        let resolved = self.context.resolve(value);
        if std::ptr::eq(resolved, value) {
            return self.counted(value, taken, has_secret);
        }
        if self.is_replacement {
            return 0;
        }
        let inside = Self {
            is_replacement: true,
            ..self
        };
        inside.counted(resolved, taken, has_secret)
    }

    fn counted(self, value: &'s Value<'s>, taken: Option<&Taken>, has_secret: bool) -> u32 {
        match value {
            _ if value.is_absent() => 0,
            Value::Object(_) => self.members(value, taken, has_secret),
            Value::Array(elements) => elements
                .iter()
                .map(|element| self.value(element, None, false))
                .sum(),
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::testing::{compiled, file, with_record};
    use crate::map::unmapped::Writer;

    /// Values in a JSON document.
    fn values(document: &serde_json::Value) -> u32 {
        match document {
            serde_json::Value::Object(members) => members.values().map(values).sum(),
            serde_json::Value::Array(elements) => elements.iter().map(values).sum(),
            _ => 1,
        }
    }

    /// Scenario: records with taken parts, absent values, repeated names, references, circles and secrets.
    /// Guarantees: as many values are counted as JSON would keep among its leftovers.
    #[test]
    fn counts_what_leftovers_would_hold() {
        let rest = "output: json\nunmapped: { keep_under: own }\nown_prefixes: [own]\nfields: { own.a: .a, own.d: .b.d }\n";
        let (plan, diagnostics) = compiled(file(rest));
        let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.render(false)));
        for (body, expected) in [
            (r#"{"a":1}"#, 0),
            (r#"{"a":null,"b":{"c":"x","d":"y","e":[]},"f":""}"#, 1),
            (r#"{"a":1,"b":[1,[2,{"g":3}],null],"b":[4,5]}"#, 2),
            (r#"{"A":1,"a":2,"b":{"D":3,"d":4},"B":5}"#, 3),
            (r#"{"A":1,"B":{"D":4}}"#, 0),
            (
                r#"{"x":[{"$id":"1","n":"a","o":{"$ref":"2"}},{"$id":"2","n":"b","o":{"$ref":"1"}}]}"#,
                4,
            ),
            (
                r#"{"partnersData":{"partnerName":"p","secret":"s"},"$type":"t"}"#,
                1,
            ),
        ] {
            with_record(body, |context| {
                let mut output = b"{".to_vec();
                Writer::new(context, &mut output).write(&plan.taken, &|_| false, usize::MAX);
                output.push(b'}');
                let kept = values(&serde_json::from_slice(&output).expect("leftovers are JSON"));
                assert_eq!(
                    (left_out_values(context, &plan.taken), kept),
                    (expected, expected),
                    "{body}"
                );
            });
        }
    }
}
