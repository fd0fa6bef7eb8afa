//! A finding as one line for people, and the fix below it.

use std::time::Duration;

use crate::finding::{Finding, Verdict};

/// What takes longer is worth a word.
const SLOW: Duration = Duration::from_secs(1);

pub(super) fn print(what: &str, finding: &Finding) {
    print!("{}", render(what, finding));
}

fn render(what: &str, finding: &Finding) -> String {
    let place = match finding.stage.as_str() {
        "" => what.to_owned(),
        stage => format!("{what}: {stage}"),
    };
    let took = match finding.took >= SLOW {
        true => format!(" (after {:.1} s)", finding.took.as_secs_f64()),
        false => String::new(),
    };
    let line = |word: &str, text: &str| format!("{word:<8}{place}: {text}{took}\n");
    let (word, problem) = match &finding.verdict {
        Verdict::Ok(text) => return line("ok", text),
        Verdict::Skipped(reason) => return line("skipped", reason),
        Verdict::Warning(problem) => ("WARNING", problem),
        Verdict::Failed(problem) => ("FAILED", problem),
    };
    let fix = match problem.fix.as_str() {
        "" => String::new(),
        fix => format!("        fix: {fix}\n"),
    };
    line(word, &problem.cause) + &fix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Problem;

    #[test]
    fn a_line_says_all() {
        let of = |stage: &str, verdict, millis| {
            let finding = Finding {
                stage: stage.to_owned(),
                verdict,
                took: Duration::from_millis(millis),
            };
            render("target soc", &finding)
        };
        assert_eq!(
            of("https://splunk:8088", Verdict::Ok("healthy".into()), 3),
            "ok      target soc: https://splunk:8088: healthy\n"
        );
        assert_eq!(
            of("", Verdict::Skipped("given up".into()), 0),
            "skipped target soc: given up\n"
        );
        let problem = Problem::new("no answer", "look there");
        assert_eq!(
            of("a", Verdict::Failed(problem), 10_040),
            "FAILED  target soc: a: no answer (after 10.0 s)\n        fix: look there\n"
        );
        let warning = Verdict::Warning(Problem::new("one replica", ""));
        assert_eq!(of("a", warning, 0), "WARNING target soc: a: one replica\n");
    }
}
