//! Tokens of one identity, kept for all who use them and renewed in time.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};

use super::cloud::Audience;
use super::failure::{Failure, Reason};
use super::held::{AccessToken, Held, until};
use super::identity::Identity;
use super::kind::Kind;
use super::settings::Settings;
use crate::event::Timestamp;
use crate::telemetry::Metrics;

/// How long one token may take. `az` starts an interpreter and may renew its own login.
const PATIENCE: Duration = Duration::from_secs(60);
/// First and longest wait after a failure that passes by itself.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];
/// The same after a refusal: each try is a failed login in somebody's log.
const BACK_OFF_REFUSED: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(120)];

/// Gives tokens. Clones share what is kept.
#[derive(Clone)]
pub struct TokenSource(Arc<Inner>);

struct Inner {
    identity: Identity,
    slots: [Slot; Audience::ALL.len()],
    metrics: OnceLock<Arc<Metrics>>,
}

/// What is kept for one audience.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    /// Belongs to whoever asks for a newer token: one at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A token, and how the last try for a newer one went.
#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    failed: Option<Failed>,
    attempts: u32,
}

#[derive(Debug)]
struct Failed {
    failure: Failure,
    not_before: Instant,
}

impl TokenSource {
    /// Asks nobody yet.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner {
            identity: Identity::new(settings),
            slots: Default::default(),
            metrics: OnceLock::new(),
        }))
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        self.0.identity.settings()
    }

    /// How far the clock of whoever gave the last answer is ahead of this machine's, in milliseconds; a small difference is 0.
    /// `None`: `az` asks in our place, and does not tell.
    pub fn clock_skew_millis(&self) -> Option<i64> {
        let is_told = !matches!(self.settings().kind, Kind::AzureCli { .. });
        is_told.then(|| self.0.identity.clock_skew_millis())
    }

    /// Counts in `metrics` from now on; only the first call has an effect.
    pub fn measure(&self, metrics: &Arc<Metrics>) {
        self.0.metrics.get_or_init(|| Arc::clone(metrics));
    }

    /// Whether both ask for the same tokens in the same way.
    pub fn is_same(&self, other: &TokenSource) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.settings().is_same(other.settings())
    }

    /// A token that is good now. One that is due is given until it ends, and renewed meanwhile: only where none is good does
    /// anybody wait for whoever gives tokens.
    ///
    /// Errors: the last failure, while there is no token that is good. It is not tried again before its time.
    pub async fn token(&self, audience: Audience) -> Result<AccessToken, Failure> {
        if let Some(token) = self.at_hand(audience) {
            return Ok(token);
        }
        // Whoever comes first asks; the others wait here and share the answer.
        let _turn = self.slot(audience).turn.lock().await;
        if let Some(answer) = self.slot(audience).state().answer() {
            return answer;
        }
        self.renew(audience).await
    }

    /// The service does not take `token`: the next one will be another.
    pub fn refuse(&self, audience: Audience, token: &SecretString) {
        let mut state = self.slot(audience).state();
        let is_it = |held: &Held| held.text.expose_secret() == token.expose_secret();
        if state.held.as_ref().is_some_and(is_it) {
            state.held = None;
        }
    }

    fn slot(&self, audience: Audience) -> &Slot {
        &self.0.slots[audience as usize]
    }

    /// The token that is good still. If it is due, and nobody renews it yet, a task does: whoever gives tokens may be slow, and
    /// a hub or a store shall not notice.
    fn at_hand(&self, audience: Audience) -> Option<AccessToken> {
        let slot = self.slot(audience);
        let state = slot.state();
        let now = Timestamp::now();
        let held = state.good(now)?;
        if held.is_due(now)
            && state.recent_failure().is_none()
            && let Ok(turn) = Arc::clone(&slot.turn).try_lock_owned()
        {
            let source = self.clone();
            tokio::spawn(async move {
                let _turn = turn;
                // A failure is noted, and logged there.
                let _ = source.renew(audience).await;
            });
        }
        Some(held.to_token(state.ask_after(held, now)))
    }

    /// Asks for a newer token, when it is one's turn.
    async fn renew(&self, audience: Audience) -> Result<AccessToken, Failure> {
        let answer = self.ask(audience).await;
        let mut state = self.slot(audience).state();
        self.note(audience, &mut state, answer);
        state.current()
    }

    async fn ask(&self, audience: Audience) -> Result<Held, Failure> {
        let settings = self.settings();
        let began = Instant::now();
        let asked = Box::pin(self.0.identity.token(settings.cloud.scope(audience)));
        // The futures of the Azure crate are not `Sync`, and those who wait here must be; only one thread polls.
        let mut asked = Mutex::new(asked);
        let asked = poll_fn(|context| {
            let asked = asked.get_mut().expect("nothing panics while it is locked");
            asked.as_mut().poll(context)
        });
        let (text, expires_at) = match timeout(PATIENCE, asked).await {
            Ok(Ok(token)) => token,
            Ok(Err(error)) => return Err(Failure::of(&settings.kind, &error)),
            Err(_) => return Err(Failure::of_silence(&settings.kind, PATIENCE)),
        };
        // A life may be counted from when the answer came, and the authority counts from when it gave the token: what has
        // ended there is not to be called good here.
        let travelled = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let expires_at = Timestamp::from_millis(expires_at.as_millis() - travelled);
        let now = Timestamp::now();
        let held = Held::new(text, expires_at, now);
        match held.is_expired(now) {
            true => Err(Failure::of_expired(&settings.kind)),
            false => Ok(held),
        }
    }

    fn note(&self, audience: Audience, state: &mut State, answer: Result<Held, Failure>) {
        let outcome = match answer {
            Ok(held) => {
                let expires_at = held.expires_at;
                if state.attempts > 0 || state.held.is_none() {
                    tracing::info!(audience = audience.as_str(), %expires_at, "token obtained");
                }
                if let Some(metrics) = self.0.metrics.get() {
                    let expiry = metrics
                        .credential_expiry_timestamp_seconds
                        .with_label_values(&[audience.as_str()]);
                    expiry.set(expires_at.as_millis() / 1000);
                }
                *state = State {
                    held: Some(held),
                    ..State::default()
                };
                "renewed"
            }
            Err(failure) => {
                let wait = failure.wait(state.attempts, rand::random());
                state.attempts = state.attempts.saturating_add(1);
                let now = Timestamp::now();
                if let Some(held) = state.good(now) {
                    tracing::warn!(
                        audience = audience.as_str(),
                        reason = failure.reason.as_str(),
                        detail = failure.detail,
                        fix = failure.fix,
                        left_seconds = until(held.expires_at, now).as_secs(),
                        "token was not renewed; the one in use is still good"
                    );
                }
                let outcome = failure.reason.as_str();
                state.failed = Some(Failed {
                    failure,
                    not_before: Instant::now() + wait,
                });
                outcome
            }
        };
        if let Some(metrics) = self.0.metrics.get() {
            let renewals = metrics
                .credential_renewals_total
                .with_label_values(&[audience.as_str(), outcome]);
            renewals.inc();
        }
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is locked")
    }
}

impl State {
    /// The token that has not ended.
    fn good(&self, now: Timestamp) -> Option<&Held> {
        self.held.as_ref().filter(|held| !held.is_expired(now))
    }

    /// The failure after which it is too early for another try.
    fn recent_failure(&self) -> Option<&Failed> {
        self.failed.as_ref().filter(|failed| !failed.left().is_zero())
    }

    /// What need not be asked for: a token that is good, or why there is none yet.
    fn answer(&self) -> Option<Result<AccessToken, Failure>> {
        let is_known = self.good(Timestamp::now()).is_some() || self.recent_failure().is_some();
        is_known.then(|| self.current())
    }

    /// The token at hand, new or still good; else why there is none.
    fn current(&self) -> Result<AccessToken, Failure> {
        let now = Timestamp::now();
        match (&self.held, &self.failed) {
            (Some(held), failed) if failed.is_none() || !held.is_expired(now) => {
                Ok(held.to_token(self.ask_after(held, now)))
            }
            (_, Some(failed)) => Err(Failure {
                retry_after: Some(failed.left()),
                ..failed.failure.clone()
            }),
            _ => unreachable!("a try ends with a token or a failure"),
        }
    }

    /// When there may be a newer token than `held`.
    fn ask_after(&self, held: &Held, now: Timestamp) -> Duration {
        match self.recent_failure() {
            Some(failed) => failed.left(),
            None => held.wait(now, rand::random()),
        }
    }
}

impl Failed {
    fn left(&self) -> Duration {
        self.not_before.saturating_duration_since(Instant::now())
    }
}

impl Failure {
    /// How long to wait before try number `attempt` (0 is the first after a success). `random` in 0..1 spreads the
    /// waits of many instances over the upper half.
    fn wait(&self, attempt: u32, random: f64) -> Duration {
        let [first, most] = match self.reason {
            Reason::Throttled | Reason::Unavailable => BACK_OFF,
            Reason::Refused => BACK_OFF_REFUSED,
        };
        let grown = first.saturating_mul(1 << attempt.min(16)).min(most);
        let wait = grown.mul_f64(0.5 + random / 2.0);
        wait.max(self.retry_after.unwrap_or_default())
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenSource({})", self.settings().kind.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_follow_what_is_asked_for() {
        for (reason, attempt, random, asked, millis) in [
            (Reason::Unavailable, 0, 1.0, None, 500),
            (Reason::Unavailable, 0, 0.0, None, 250),
            (Reason::Unavailable, 20, 1.0, None, 30_000),
            (Reason::Throttled, 0, 1.0, Some(7), 7_000),
            (Reason::Throttled, 20, 1.0, Some(7), 30_000),
            (Reason::Refused, 0, 1.0, None, 10_000),
            (Reason::Refused, 9, 1.0, None, 120_000),
        ] {
            let failure = Failure {
                kind: "client_secret",
                reason,
                detail: String::new(),
                fix: "",
                retry_after: asked.map(Duration::from_secs),
            };
            let wait = failure.wait(attempt, random);
            assert_eq!(wait, Duration::from_millis(millis), "{reason} {attempt}");
        }
    }
}
