use super::*;
use crate::deliver::http::Http;
use crate::durable::retry::chain;

fn settings(lines: &str) -> Result<Settings, String> {
    let yaml = format!("endpoint: http://hooks.test/in?code=s3cret\n{lines}");
    let options: Http = serde_saphyr::from_str(&yaml).map_err(|error| error.to_string())?;
    Settings::new(&options).map_err(|error| chain(&error))
}

#[test]
fn the_smallest_form_has_the_documented_defaults() {
    let settings = settings("").expect("it is complete");
    assert_eq!(
        settings.sending.endpoints[0].as_str(),
        "http://hooks.test/in?code=s3cret"
    );
    assert_eq!((settings.method, settings.format), (Method::Post, Format::Lines));
    assert_eq!(settings.refused_statuses, [400, 422]);
    assert!(!settings.sending.is_compressed && settings.sending.workers == 1);
    assert_eq!(
        (settings.sending.batch_bytes, settings.sending.batch_records),
        (1 << 20, 500)
    );
}

#[test]
fn says_what_is_wrong_and_no_secret() {
    let cases = [
        ("refused_statuses: [500]", "from 400 to 499"),
        ("refused_statuses: [401]", "meaning is fixed"),
        ("headers: { X-Api-Key: abc }", "is a secret"),
        ("workers: 65", "at most 64"),
    ];
    for (lines, expected) in cases {
        let error = settings(lines).expect_err(lines);
        assert!(error.contains(expected), "{lines}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    let options: Http = serde_saphyr::from_str("endpoint: 's3cret'").expect("it is a text");
    let error = chain(&Settings::new(&options).expect_err("it is no address"));
    assert!(
        error.contains("cannot be read") && !error.contains("s3cret"),
        "{error}"
    );
    assert!(!format!("{options:?}").contains("s3cret"));
}

#[test]
fn judges_by_the_status() {
    let post = Post::new(&settings("refused_statuses: [400, 404]").expect("it is complete"));
    let cases = [
        (200, "Accepted"),
        (204, "Accepted"),
        (302, "Blocked { reason: Destination"),
        (400, "Refused"),
        (404, "Refused"),
        (401, "Blocked { reason: Authorization"),
        (403, "Blocked { reason: Authorization"),
        (405, "Blocked { reason: Destination"),
        (408, "Busy"),
        (409, "Surprise"),
        (413, "TooLarge"),
        (415, "CompressionRefused"),
        (422, "Surprise"),
        (429, "Busy"),
        (500, "Unavailable"),
        (504, "Unavailable"),
    ];
    for (status, expected) in cases {
        let reply = Reply {
            status,
            retry_after: None,
            body: bytes::Bytes::from_static(b"the peer's words"),
        };
        let verdict = format!("{:?}", post.judge(&reply, 1));
        assert!(verdict.starts_with(expected), "{status}: {verdict}");
        let is_for_the_dead_letter = verdict.starts_with("Refused") || verdict.starts_with("TooLarge");
        assert_eq!(verdict.contains("words"), is_for_the_dead_letter, "{verdict}");
    }
}
