use super::*;

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        retry_after: None,
        body: bytes::Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn first_word(text: &str) -> String {
    let word = text.split([' ', '{']).next().unwrap_or_default();
    word.to_lowercase()
}

fn name(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Blocked { reason, .. } => format!("blocked {}", reason.as_str()),
        Verdict::Each(fates) => {
            let fates: Vec<_> = fates
                .iter()
                .map(|fate| first_word(&format!("{fate:?}")))
                .collect();
            fates.join(" ")
        }
        other => first_word(&format!("{other:?}")),
    }
}

#[test]
fn judges_each_record() {
    let cases = [
        (201, "", "", "delivered"),
        (200, "", "", "delivered"),
        (409, CONFLICT, "document already exists", "repeated"),
        (409, "other_exception", "", "surprise"),
        (429, "es_rejected_execution_exception", "queue capacity", "busy"),
        (
            429,
            "circuit_breaking_exception",
            "[parent] data too large",
            "busy",
        ),
        (
            429,
            "cluster_block_exception",
            "disk usage exceeded flood-stage",
            "blocked",
        ),
        (403, "cluster_block_exception", "index is read-only", "blocked"),
        (403, "security_exception", "action is unauthorized", "blocked"),
        (404, "index_not_found_exception", "no such index [mdc]", "blocked"),
        (400, "index_closed_exception", "closed", "blocked"),
        (
            400,
            "invalid_index_name_exception",
            "must be lowercase",
            "blocked",
        ),
        (
            400,
            "illegal_argument_exception",
            "pipeline with id [x] does not exist",
            "blocked",
        ),
        (
            400,
            "illegal_argument_exception",
            "no write index is defined for alias [mdc]",
            "blocked",
        ),
        (
            400,
            "illegal_argument_exception",
            "Limit of total fields [1000] has been exceeded",
            "refused",
        ),
        (
            400,
            "mapper_parsing_exception",
            "failed to parse field [a]",
            "refused",
        ),
        (
            400,
            "document_parsing_exception",
            "[1:2] failed to parse",
            "refused",
        ),
        (
            400,
            "strict_dynamic_mapping_exception",
            "dynamic introduction of [a]",
            "refused",
        ),
        (413, "content_too_long", "", "toolarge"),
        (500, "exception", "", "unavailable"),
        (
            503,
            "unavailable_shards_exception",
            "primary shard is not active",
            "unavailable",
        ),
        (418, "teapot", "", "surprise"),
        (302, "", "", "surprise"),
    ];
    for (status, class, reason, expected) in cases {
        let error = match class {
            "" => String::new(),
            _ => format!(",\"error\":{{\"type\":\"{class}\",\"reason\":\"{reason}\"}}"),
        };
        let body = format!("{{\"errors\":true,\"items\":[{{\"create\":{{\"status\":{status}{error}}}}}]}}");
        assert_eq!(
            name(&judge(&reply(200, &body))),
            expected,
            "{status} {class} {reason}"
        );
    }
}

#[test]
fn a_document_in_the_failure_store_is_refused() {
    for (store, expected) in [("used", "refused"), ("not_enabled", "delivered")] {
        let item = format!("{{\"create\":{{\"status\":201,\"failure_store\":\"{store}\"}}}}");
        let body = format!("{{\"errors\":false,\"items\":[{item}]}}");
        assert_eq!(name(&judge(&reply(200, &body))), expected, "{store}");
    }
}

#[test]
fn judges_a_whole_request() {
    let error =
        |class: &str| format!("{{\"error\":{{\"type\":\"{class}\",\"reason\":\"r\"}},\"status\":400}}");
    let created = r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#;
    let cases = [
        (200, created.to_owned(), "delivered delivered"),
        (200, r#"{"errors":false,"items":[]}"#.to_owned(), ""),
        (
            200,
            r#"{"items":[{"index":{"status":201}}]}"#.to_owned(),
            "surprise",
        ),
        (200, r#"{"errors":false}"#.to_owned(), "surprise"),
        (200, "<html>login</html>".to_owned(), "surprise"),
        (204, String::new(), "surprise"),
        (400, error("parse_exception"), "refused"),
        (400, error("index_closed_exception"), "blocked destination"),
        (400, "<html>".to_owned(), "surprise"),
        (401, error("security_exception"), "blocked authorization"),
        (403, error("security_exception"), "blocked authorization"),
        (403, "<html>".to_owned(), "blocked authorization"),
        (404, "<html>".to_owned(), "blocked destination"),
        (301, String::new(), "blocked destination"),
        (406, error("media_type_header_exception"), "surprise"),
        (413, String::new(), "toolarge"),
        (415, String::new(), "compressionrefused"),
        (429, error("es_rejected_execution_exception"), "busy"),
        (502, "<html>".to_owned(), "unavailable"),
        (503, error("cluster_block_exception"), "unavailable"),
    ];
    for (status, body, expected) in cases {
        assert_eq!(name(&judge(&reply(status, &body))), expected, "{status} {body}");
    }
}
