//! One record as a receiver understood it.

use serde_json::Value;

/// What a receiver made of a message; the same for both receivers.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The text after the header.
    pub message: String,
    /// The whole line as it came; only rsyslog keeps it, with control characters replaced.
    pub raw: Option<String>,
    /// HOSTNAME.
    pub hostname: String,
    /// APP-NAME, or the tag without its colon.
    pub app_name: String,
    /// MSGID.
    pub message_id: String,
    /// Facility x 8 + severity.
    pub priority: u8,
    /// The time of the header, in RFC 3339.
    pub timestamp: String,
    /// Everything the receiver wrote.
    pub json: Value,
}

impl Record {
    /// Reads a line of the receiver's output.
    pub fn parse(line: &str) -> Self {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Self {
            message: text("msg"),
            raw: json["rawmsg"].as_str().map(str::to_owned),
            hostname: text("hostname"),
            app_name: text("app-name"),
            message_id: text("msgid"),
            priority: text("pri").parse().expect("the receiver writes a priority"),
            timestamp: text("timereported"),
            json,
        }
    }
}
