//! Properties of the client library that pass through from the file, and those that must not.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A value as the client library takes it: text; numbers and truth values are written as such in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property(pub String);

/// Why a property cannot be passed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The promise to lose nothing, or the order of records, depends on it.
    Promise,
    /// It has an option of the target.
    Option(&'static str),
    /// It would load foreign code, replace the brokers or take a signal from the process.
    Unsafe,
}

/// Properties that the promise depends on. A name that ends in `.` stands for all that begin with it.
const PROMISE: [&str; 17] = [
    "enable.idempotence",
    "enable.gapless.guarantee",
    "acks",
    "request.required.acks",
    "delivery.timeout.ms",
    "message.timeout.ms",
    "retries",
    "message.send.max.retries",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "queuing.strategy",
    "transactional.id",
    "transaction.timeout.ms",
    "delivery.report.only.error",
    "dr_cb",
    "dr_msg_cb",
    "enabled_events",
];

/// Properties that have an option, and its name.
///
/// The client library knows one of its own properties by two names; told both, it would keep the one that comes last by chance.
const OPTIONS: [(&str, &str); 21] = [
    ("bootstrap.servers", "brokers"),
    ("metadata.broker.list", "brokers"),
    ("compression.codec", "compression"),
    ("compression.type", "compression"),
    ("message.max.bytes", "message_limit"),
    ("queue.buffering.max.ms", "librdkafka.linger.ms"),
    ("security.protocol", "sasl` or `tls"),
    ("sasl.mechanism", "sasl.mechanism"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.username", "sasl.username"),
    ("sasl.password", "sasl.password"),
    ("sasl.oauthbearer.", "sasl.token"),
    ("enable.sasl.oauthbearer.unsecure.jwt", "sasl.token"),
    ("ssl.ca.", "tls.ca_file"),
    ("https.ca.", "tls.ca_file"),
    ("ssl.certificate.", "tls.client_certificate"),
    ("ssl.key.", "tls.client_certificate"),
    ("ssl.keystore.", "tls.client_certificate"),
    ("ssl_", "tls"),
    ("enable.ssl.certificate.verification", "tls.verify"),
    ("ssl.endpoint.identification.algorithm", "tls.verify"),
];

/// Properties that would load foreign code, replace the brokers by imitations, or take a signal from the process.
const UNSAFE: [&str; 5] = [
    "internal.termination.signal",
    "plugin.library.paths",
    "interceptors",
    "test.mock.",
    "ssl.engine.",
];

/// Why this property cannot be passed through, if so.
pub fn denied(name: &str, value: &Property) -> Option<Denied> {
    let is = |known: &str| name == known || known.ends_with(['.', '_']) && name.starts_with(known);
    if PROMISE.into_iter().any(is) || name == "partitioner" && value.0 == "random" {
        return Some(Denied::Promise);
    }
    if UNSAFE.into_iter().any(is) {
        return Some(Denied::Unsafe);
    }
    let (_, option) = OPTIONS.into_iter().find(|(known, _)| is(known))?;
    Some(Denied::Option(option))
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PropertyVisitor)
    }
}

struct PropertyVisitor;

impl Visitor<'_> for PropertyVisitor {
    type Value = Property;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number or a truth value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Property, E> {
        Ok(Property(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Property, E> {
        Ok(Property(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Property, E> {
        Ok(Property(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Property, E> {
        Ok(Property(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Property, E> {
        Ok(Property(value.to_string()))
    }
}

impl JsonSchema for Property {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Property".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_promise_depends_on_stays_ours() {
        let cases = [
            ("acks", "1", Some(Denied::Promise)),
            ("max.in.flight", "50", Some(Denied::Promise)),
            ("partitioner", "random", Some(Denied::Promise)),
            ("partitioner", "consistent_random", None),
            ("sasl.password", "x", Some(Denied::Option("sasl.password"))),
            ("ssl.key.pem", "x", Some(Denied::Option("tls.client_certificate"))),
            ("ssl.cipher.suites", "x", None),
            ("test.mock.num.brokers", "3", Some(Denied::Unsafe)),
            ("internal.termination.signal", "15", Some(Denied::Unsafe)),
            ("linger.ms", "5", None),
            (
                "queue.buffering.max.ms",
                "5",
                Some(Denied::Option("librdkafka.linger.ms")),
            ),
        ];
        for (name, value, expected) in cases {
            assert_eq!(denied(name, &Property(value.into())), expected, "{name}");
        }
    }

    #[test]
    fn a_value_is_text_a_number_or_a_truth_value() {
        let cases = [
            ("5", Some("5")),
            ("0.5", Some("0.5")),
            ("true", Some("true")),
            ("all", Some("all")),
            ("[5]", None),
        ];
        for (text, expected) in cases {
            let value = serde_saphyr::from_str::<Property>(text).ok();
            assert_eq!(value.map(|value| value.0).as_deref(), expected, "{text}");
        }
    }
}
