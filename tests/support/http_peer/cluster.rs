//! The bulk interface of a search cluster.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, Receiver, Taken};

/// Takes bulk requests as Elasticsearch does; what it does not know is refused.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Documents by index and id.
    pub documents: BTreeMap<(String, String), Value>,
    /// Ids in the order they were created.
    pub created: Vec<String>,
    /// Ids that were there already.
    pub repeated: Vec<String>,
    /// The value of `Authorization` that is asked for.
    pub authorization: Option<String>,
    /// Documents with this text cannot be parsed.
    pub poison: Option<String>,
    /// Whether those are kept all the same, as by a data stream with a failure store.
    pub has_failure_store: bool,
    /// Indexes that cannot be written, with status and class of the error.
    pub blocked: BTreeMap<String, (u16, &'static str)>,
    /// So many further documents are rejected because the queue is full.
    pub busy_documents: usize,
    /// So many further documents find no active shard.
    pub shardless_documents: usize,
    /// Most bytes of a body.
    pub limit_bytes: Option<usize>,
    /// Most bytes of a document.
    pub document_limit_bytes: Option<usize>,
}

impl Cluster {
    /// The ids there are, in all indexes.
    pub fn ids(&self) -> BTreeSet<String> {
        self.documents.keys().map(|(_, id)| id.clone()).collect()
    }

    fn create(&mut self, action: &str, source: &str) -> Option<Value> {
        let action: Value = serde_json::from_str(action).ok()?;
        let create = action
            .as_object()
            .filter(|action| action.len() == 1)?
            .get("create")?
            .as_object()?;
        if create.keys().any(|key| key != "_index" && key != "_id") {
            return None;
        }
        let text = |key: &str| create.get(key)?.as_str().map(str::to_owned);
        let (index, id) = (text("_index")?, text("_id")?);
        Some(match self.outcome(&index, &id, source) {
            Err((400, ..)) if self.has_failure_store => json!({ "create": {
                "_index": format!(".fs-{index}"), "_id": null, "status": 201, "result": "created", "failure_store": "used",
            } }),
            Ok(status) => {
                json!({ "create": { "_index": index, "_id": id, "status": status, "result": "created" } })
            }
            Err((status, class, reason)) => json!({ "create": {
                "_index": index, "_id": id, "status": status, "error": { "type": class, "reason": reason },
            } }),
        })
    }

    fn outcome(&mut self, index: &str, id: &str, source: &str) -> Result<u16, (u16, &'static str, String)> {
        if let Some((status, class)) = self.blocked.get(index) {
            return Err((*status, class, format!("index [{index}] is not for you")));
        }
        for (count, status, class) in [
            (&mut self.busy_documents, 429, "es_rejected_execution_exception"),
            (&mut self.shardless_documents, 503, "unavailable_shards_exception"),
        ] {
            if *count > 0 {
                *count -= 1;
                return Err((status, class, "try later".to_owned()));
            }
        }
        if self
            .document_limit_bytes
            .is_some_and(|limit| source.len() > limit)
        {
            return Err((413, "document_too_large", "too large".to_owned()));
        }
        let is_poison = self.poison.as_ref().is_some_and(|poison| source.contains(poison));
        let document = serde_json::from_str(source).ok().filter(Value::is_object);
        let Some(document) = document.filter(|_| !is_poison) else {
            return Err((400, "document_parsing_exception", "failed to parse".to_owned()));
        };
        let key = (index.to_owned(), id.to_owned());
        if self.documents.contains_key(&key) {
            self.repeated.push(id.to_owned());
            return Err((
                409,
                "version_conflict_engine_exception",
                "document already exists".to_owned(),
            ));
        }
        self.documents.insert(key, document);
        self.created.push(id.to_owned());
        Ok(201)
    }
}

impl Receiver for Cluster {
    fn receive(&mut self, request: &Taken) -> Answer {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        if self.authorization.is_some() && self.authorization.as_deref() != header("authorization") {
            return failure(401, "security_exception", "unable to authenticate");
        }
        if request.uri.path() != "/_bulk" || request.method != Method::POST {
            return failure(405, "illegal_argument_exception", "no such handler");
        }
        if !matches!(
            header("content-type"),
            Some("application/x-ndjson" | "application/json")
        ) {
            return failure(406, "media_type_header_exception", "invalid media type");
        }
        if self.limit_bytes.is_some_and(|limit| request.body.len() > limit) {
            return Answer::status(413);
        }
        let text = String::from_utf8(request.body.to_vec()).expect("a bulk request is text");
        if text.is_empty() {
            return failure(400, "parse_exception", "request body is required");
        }
        let Some(text) = text.strip_suffix('\n') else {
            let reason = "The bulk request must be terminated by a newline [\\n]";
            return failure(400, "illegal_argument_exception", reason);
        };
        let lines: Vec<&str> = text.split('\n').collect();
        let mut items = Vec::new();
        for pair in lines.chunks(2) {
            let [action, source] = pair else {
                return failure(400, "illegal_argument_exception", "a source is missing");
            };
            let Some(item) = self.create(action, source) else {
                return failure(
                    400,
                    "illegal_argument_exception",
                    "malformed action/metadata line",
                );
            };
            items.push(item);
        }
        let has_errors = items.iter().any(|item| !item["create"]["error"].is_null());
        if request
            .uri
            .query()
            .is_some_and(|query| query.contains("filter_path="))
        {
            for item in &mut items {
                let created = item["create"].as_object_mut().expect("it was made here");
                created.retain(|key, _| ["status", "error", "failure_store"].contains(&key.as_str()));
            }
        }
        Answer::json(200, &json!({ "errors": has_errors, "items": items }))
    }
}

fn failure(status: u16, class: &str, reason: &str) -> Answer {
    let error = json!({ "root_cause": [], "type": class, "reason": reason });
    Answer::json(status, &json!({ "error": error, "status": status }))
}
