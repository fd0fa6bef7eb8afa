//! (b) nothing is delivered that was not received, and (c) payloads are equal.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::files::Tail;
use super::super::plan::Sink;
use super::{Letter, Oracle};

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Native<'a>,
    fields: HashMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Native<'a> {
    kind: String,
    key: Option<String>,
    event_id: String,
    is_snapshot: bool,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl Oracle {
    /// (b) and (c) for what a receiver took.
    pub fn check_envelope(&self, target: &str, envelope: &[u8]) {
        let text = String::from_utf8_lossy(envelope);
        let envelope: Envelope<'_> = serde_json::from_str(&text).expect("an envelope is JSON");
        let native = &envelope.event;
        self.check_native(target, native);
        assert_eq!(envelope.fields["event_id"], native.event_id);
        assert_eq!(envelope.fields["kind"], native.kind);
        if let Some(key) = &native.key {
            assert_eq!(envelope.fields["key"], *key);
        }
    }

    /// (b) and (c) for every line of the file targets and every dead letter.
    pub fn check_files(&mut self) {
        self.refresh();
        for target in self.plan.targets.clone() {
            let is_comparable = target.sink == Sink::File && target.mapping == "native";
            if is_comparable {
                for line in Tail::new(self.outputs[self.index(target.name)].path().to_owned()).lines() {
                    let text = String::from_utf8(line).expect("a line is text");
                    self.check_native(target.name, &serde_json::from_str(&text).expect("a line is JSON"));
                }
            }
        }
        for letter in &self.dead_letters {
            self.check_letter(letter);
        }
    }

    fn check_native(&self, target: &str, native: &Native<'_>) {
        let plan = &self.plan.targets[self.index(target)];
        let item = self.records.get(&native.event_id);
        let item = item.unwrap_or_else(|| panic!("(b) {target} got {} that was never sent", native.event_id));
        assert!(
            plan.wants(item),
            "(b) {target} got a record it does not want: {item:?}"
        );
        assert_eq!(native.kind, item.kind);
        assert_eq!(native.key, item.key, "(c) key of {item:?}");
        assert_eq!(native.is_snapshot, item.is_snapshot);
        assert_eq!(
            native.record.get().as_bytes(),
            item.bytes,
            "(c) bytes of {} at {target}",
            native.event_id
        );
    }

    fn check_letter(&self, letter: &Letter) {
        let Some(id) = &letter.event_id else {
            assert_eq!(
                (letter.reason.as_str(), letter.stage.as_str()),
                ("unreadable", "eventhub")
            );
            return;
        };
        let item = self.records.get(id);
        let item = item.unwrap_or_else(|| panic!("(b) a letter for {id} that was never sent: {letter:?}"));
        assert_eq!((letter.kind.as_str(), &letter.key), (item.kind, &item.key));
        assert_eq!(
            item.kind == "undecodable",
            letter.reason == "undecodable",
            "{letter:?}"
        );
        if let Some(target) = &letter.target {
            let plan = &self.plan.targets[self.index(target)];
            assert!(
                plan.wants(item),
                "(b) {target} refused a record it does not want: {item:?}"
            );
        }
        if let Some(body) = &letter.body {
            let body = BASE64_STANDARD.decode(body).expect("a body is base64");
            assert_eq!(body, item.bytes, "(c) body of the letter for {id}");
        }
    }
}
