//! What `check --connect` finds: one line for each thing it tries, of whatever kind.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// A difference of clocks that services refuse tokens and signatures for, with some room.
const MAX_CLOCK_SKEW_MILLIS: i64 = 60_000;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which step on the way, or which part of the peer, such as `agree on TLS` or `topic mdc`.
    pub stage: String,
    /// How it went.
    pub verdict: Verdict,
    /// How long that took.
    pub took: Duration,
}

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It will do; what was found.
    Ok(String),
    /// It will do, and something about it should be otherwise.
    Warning(Problem),
    /// It will not do.
    Failed(Problem),
    /// It was not tried; why.
    Skipped(String),
}

/// What is wrong and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Problem {
    /// What happened, in the words of whoever noticed.
    pub cause: String,
    /// What to do; empty where the cause says it.
    pub fix: String,
}

impl Problem {
    /// A cause and its remedy.
    pub fn new(cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            fix: fix.into(),
        }
    }
}

impl Finding {
    /// What became of a try that began at `since`.
    pub fn new(stage: impl Into<String>, verdict: Verdict, since: Instant) -> Self {
        Self {
            stage: stage.into(),
            verdict,
            took: since.elapsed(),
        }
    }

    /// What was found, if it is right.
    pub fn detail(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Ok(text) => Some(text),
            _ => None,
        }
    }

    /// What should be otherwise, if it will do all the same.
    pub fn warning(&self) -> Option<&Problem> {
        match &self.verdict {
            Verdict::Warning(problem) => Some(problem),
            _ => None,
        }
    }

    /// What is wrong, if it failed.
    pub fn failure(&self) -> Option<&Problem> {
        match &self.verdict {
            Verdict::Failed(problem) => Some(problem),
            _ => None,
        }
    }
}

impl Verdict {
    /// Whether a clock that is `skew_millis` ahead of this machine's is close enough; `whose` clock it is.
    pub fn of_clock(skew_millis: i64, whose: &str) -> Self {
        let seconds = skew_millis.abs() / 1000;
        if skew_millis.abs() < MAX_CLOCK_SKEW_MILLIS {
            return Verdict::Ok(format!("{whose} and this machine agree, within a minute"));
        }
        let direction = if skew_millis > 0 { "behind" } else { "ahead of" };
        Verdict::Warning(Problem::new(
            format!("the clock of this machine is {seconds} s {direction} that of {whose}"),
            "set the clock of this machine, best by NTP: tokens, signatures and certificates are good for a time only",
        ))
    }
}

impl From<Result<String, Problem>> for Verdict {
    fn from(result: Result<String, Problem>) -> Self {
        result.map_or_else(Verdict::Failed, Verdict::Ok)
    }
}

/// Steps of which each needs the ones before it. What a failure leaves untried is found as skipped, and says what it waits
/// for.
#[derive(Debug)]
pub struct Walk {
    plan: VecDeque<String>,
    findings: Vec<Finding>,
    since: Instant,
}

/// A step failed, and is among the findings.
#[derive(Debug)]
pub struct Stopped;

impl Walk {
    /// Goes along the steps of `plan`, by their names, for `limit` at most.
    pub async fn take(
        plan: impl IntoIterator<Item = String>,
        limit: Duration,
        steps: impl AsyncFnOnce(&mut Walk) -> Result<(), Stopped>,
    ) -> Vec<Finding> {
        let mut walk = Self {
            plan: plan.into_iter().collect(),
            findings: Vec::new(),
            since: Instant::now(),
        };
        let is_late = timeout(limit, steps(&mut walk)).await.is_err();
        if is_late && !walk.plan.is_empty() {
            let cause = format!("no end after {} s for all steps together", limit.as_secs());
            walk.note(Verdict::Failed(Problem::new(
                cause,
                "see which step took long; the network or the peer is slow",
            )));
        }
        walk.end()
    }

    /// Another plan for what is still to come.
    pub fn replan(&mut self, plan: impl IntoIterator<Item = String>) {
        self.plan = plan.into_iter().collect();
    }

    /// How the next step of the plan went, which the others do not depend on.
    pub fn note(&mut self, verdict: Verdict) {
        let stage = self.plan.pop_front().expect("each step is in the plan");
        self.findings.push(Finding::new(stage, verdict, self.since));
        self.since = Instant::now();
    }

    /// How the next step of the plan went; a failure is the end of the walk.
    pub fn step<T>(
        &mut self,
        outcome: Result<T, Problem>,
        text: impl FnOnce(&T) -> String,
    ) -> Result<T, Stopped> {
        match outcome {
            Ok(value) => {
                self.note(Verdict::Ok(text(&value)));
                Ok(value)
            }
            Err(problem) => {
                self.note(Verdict::Failed(problem));
                Err(Stopped)
            }
        }
    }

    /// The next `count` steps are not tried, because of the last failure.
    pub fn skip(&mut self, count: usize) {
        let failed = self.findings.iter().rev().find(|it| it.failure().is_some());
        let reason = failed.map_or_else(
            || "nothing to try it on".to_owned(),
            |finding| format!("waits for `{}`", finding.stage),
        );
        self.since = Instant::now();
        for _ in 0..count {
            self.note(Verdict::Skipped(reason.clone()));
        }
    }

    fn end(mut self) -> Vec<Finding> {
        self.skip(self.plan.len());
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn walk(limit: Duration, steps: impl AsyncFnOnce(&mut Walk) -> Result<(), Stopped>) -> Vec<String> {
        let plan = ["one", "two", "three"].map(str::to_owned);
        let findings = Walk::take(plan, limit, steps).await;
        let line = |finding: Finding| match finding.verdict {
            Verdict::Ok(text) => format!("{} ok {text}", finding.stage),
            Verdict::Warning(problem) => format!("{} warning {problem}", finding.stage),
            Verdict::Failed(problem) => format!("{} failed {problem}", finding.stage),
            Verdict::Skipped(reason) => format!("{} skipped {reason}", finding.stage),
        };
        findings.into_iter().map(line).collect()
    }

    #[tokio::test]
    async fn what_a_failure_leaves_untried_is_named() {
        let limit = Duration::from_secs(5);
        let lines = walk(limit, async |walk| {
            walk.step(Ok(1), ToString::to_string)?;
            walk.step(Err::<(), _>(Problem::new("no", "mend it")), |()| String::new())
        });
        assert_eq!(
            lines.await,
            ["one ok 1", "two failed no", "three skipped waits for `two`"]
        );
        let lines = walk(limit, async |walk| {
            walk.note(Verdict::Failed(Problem::new("no", "")));
            walk.skip(1);
            walk.step(Ok(3), ToString::to_string).map(drop)
        });
        assert_eq!(
            lines.await,
            ["one failed no", "two skipped waits for `one`", "three ok 3"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_step_is_ended_and_named() {
        let lines = walk(Duration::from_secs(60), async |walk| {
            walk.step(Ok(1), ToString::to_string)?;
            std::future::pending().await
        });
        assert_eq!(
            lines.await,
            [
                "one ok 1",
                "two failed no end after 60 s for all steps together",
                "three skipped waits for `two`"
            ]
        );
    }

    #[test]
    fn clocks_that_differ_are_a_warning() {
        for (skew_millis, expected) in [
            (59_999, None),
            (-59_999, None),
            (3_600_000, Some("3600 s behind that of the store")),
            (-90_500, Some("90 s ahead of that of the store")),
        ] {
            let text = match Verdict::of_clock(skew_millis, "the store") {
                Verdict::Warning(problem) => Some(problem.cause),
                _ => None,
            };
            let expected = expected.map(|text| format!("the clock of this machine is {text}"));
            assert_eq!(text, expected, "{skew_millis}");
        }
    }
}
