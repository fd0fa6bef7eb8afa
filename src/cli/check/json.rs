//! A finding as one JSON object, for programs.

use serde::Serialize;

use crate::finding::{Finding, Verdict};

/// Every key is always there; what does not apply is `null`.
#[derive(Debug, Serialize)]
struct Line<'f> {
    /// `hub`, `checkpoints`, `dead letters`, or `target NAME`.
    what: &'f str,
    stage: &'f str,
    /// `ok`, `warning`, `failed` or `skipped`.
    status: &'static str,
    /// What was found, where it is right.
    detail: Option<&'f str>,
    /// What is wrong, or what a skipped step waits for.
    cause: Option<&'f str>,
    fix: Option<&'f str>,
    milliseconds: u128,
}

pub(super) fn print(what: &str, finding: &Finding) {
    println!("{}", render(what, finding));
}

fn render(what: &str, finding: &Finding) -> String {
    let (status, cause) = match &finding.verdict {
        Verdict::Ok(_) => ("ok", None),
        Verdict::Warning(problem) => ("warning", Some(&problem.cause)),
        Verdict::Failed(problem) => ("failed", Some(&problem.cause)),
        Verdict::Skipped(reason) => ("skipped", Some(reason)),
    };
    let problem = finding.failure().or(finding.warning());
    let line = Line {
        what,
        stage: &finding.stage,
        status,
        detail: finding.detail(),
        cause: cause.map(String::as_str),
        fix: problem.map(|it| it.fix.as_str()).filter(|fix| !fix.is_empty()),
        milliseconds: finding.took.as_millis(),
    };
    serde_json::to_string(&line).expect("text and numbers can be written as JSON")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::finding::Problem;

    #[test]
    fn every_key_is_there() {
        let of = |verdict| {
            let finding = Finding {
                stage: "connect".to_owned(),
                verdict,
                took: Duration::from_millis(7),
            };
            render("hub", &finding)
        };
        assert_eq!(
            of(Verdict::Failed(Problem::new("refused", "open it"))),
            r#"{"what":"hub","stage":"connect","status":"failed","detail":null,"cause":"refused","fix":"open it","milliseconds":7}"#
        );
        assert_eq!(
            of(Verdict::Ok("there".into())),
            r#"{"what":"hub","stage":"connect","status":"ok","detail":"there","cause":null,"fix":null,"milliseconds":7}"#
        );
    }
}
