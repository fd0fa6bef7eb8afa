//! Why there is no token, and what an operator can do about it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use super::assertion;
use super::hints;
use super::kind::Kind;
use super::transport::Refusal;
use crate::deliver::http_request;
use crate::durable::retry::chain;
use crate::finding::Problem;

/// A token could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no token of Microsoft Entra ID by `{kind}`: {detail}; {fix}")]
pub struct Failure {
    /// The kind of the credential, as its option is named.
    pub kind: &'static str,
    /// Its class.
    pub reason: Reason,
    /// What was said, without secrets.
    pub detail: String,
    /// What to do.
    pub fix: &'static str,
    /// How long whoever refused asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Class of a failure; a label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Too many requests.
    Throttled,
    /// Not reached, or in trouble: it passes by itself.
    Unavailable,
    /// Only an operator can mend it.
    Refused,
}

impl Reason {
    /// The word in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Throttled => "throttled",
            Reason::Unavailable => "unavailable",
            Reason::Refused => "refused",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

const FIX_NETWORK: &str = "see that this machine reaches the authority that `cloud` names, over HTTPS";
const FIX_METADATA: &str =
    "`managed_identity` works only on an Azure machine or service, and where pods may reach 169.254.169.254";
const FIX_TRUST: &str =
    "if a proxy or a private CA signs the certificate, name it in `credential.tls.ca_file`";
const FIX_WAIT: &str = "it is tried again by itself";
const FIX_IDENTITY: &str =
    "assign the identity to this machine or service, and compare the id in `credential.managed_identity`";
const FIX_FILE: &str = "see that the file is mounted and readable";
const FIX_CLI: &str =
    "install the Azure CLI 2.54 or newer, and log in with `az login` as the user of the bridge";
const FIX_UNKNOWN: &str =
    "compare the ids in `credential` and `cloud` with the tenant; docs/credentials.md lists the usual causes";

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let Failure {
            kind, detail, fix, ..
        } = failure;
        Problem::new(
            format!("no token of Microsoft Entra ID by `{kind}`: {detail}"),
            fix,
        )
    }
}

impl Failure {
    /// What an error of the Azure crate means.
    pub(super) fn of(kind: &Kind, error: &azure_core::Error) -> Self {
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(cause) = next {
            if let Some(refusal) = cause.downcast_ref::<Refusal>() {
                return Self::of_refusal(kind, refusal);
            }
            if let Some(error) = cause.downcast_ref::<http_request::Error>() {
                return Self::of_network(kind, error);
            }
            if let Some(error) = cause.downcast_ref::<assertion::Error>() {
                return Self::new(kind, Reason::Refused, chain(error), FIX_FILE);
            }
            next = cause.source();
        }
        let text = error.to_string();
        let codes = hints::codes(&text);
        let fix = match kind {
            Kind::AzureCli { .. } => hints::fix(&codes).unwrap_or(FIX_CLI),
            _ => FIX_UNKNOWN,
        };
        Self::new(kind, Reason::Refused, without_frame(&text), fix)
    }

    /// No answer at all in `patience`.
    pub(crate) fn of_silence(kind: &Kind, patience: Duration) -> Self {
        let detail = format!("no answer in {} s", patience.as_secs());
        Self::new(kind, Reason::Unavailable, detail, unreachable(kind))
    }

    /// A token that cannot be used any more when it comes.
    pub(super) fn of_expired(kind: &Kind) -> Self {
        let detail = "the token that came has ended already".to_owned();
        Self::new(kind, Reason::Unavailable, detail, "set the clock of this machine")
    }

    fn of_refusal(kind: &Kind, refusal: &Refusal) -> Self {
        let is_metadata = matches!(kind, Kind::ManagedIdentity(_));
        let (reason, fix) = match refusal.status {
            429 => (Reason::Throttled, FIX_WAIT),
            408 | 500.. => (Reason::Unavailable, FIX_WAIT),
            // While the service is being updated.
            404 | 410 if is_metadata => (Reason::Unavailable, FIX_WAIT),
            _ if hints::is_transient(&refusal.codes) => (Reason::Unavailable, FIX_WAIT),
            400 if is_metadata => (Reason::Refused, FIX_IDENTITY),
            // Other clouds have another service at the same address.
            _ if is_metadata => (Reason::Refused, FIX_METADATA),
            _ => (Reason::Refused, hints::fix(&refusal.codes).unwrap_or(FIX_UNKNOWN)),
        };
        Self {
            retry_after: refusal.retry_after,
            ..Self::new(kind, reason, refusal.text.clone(), fix)
        }
    }

    fn of_network(kind: &Kind, error: &http_request::Error) -> Self {
        let (reason, fix) = match error {
            http_request::Error::Tls { .. } => (Reason::Refused, FIX_TRUST),
            _ => (Reason::Unavailable, unreachable(kind)),
        };
        Self::new(kind, reason, chain(error), fix)
    }

    fn new(kind: &Kind, reason: Reason, detail: String, fix: &'static str) -> Self {
        Self {
            kind: kind.name(),
            reason,
            detail: detail.trim_end_matches('.').to_owned(),
            fix,
            retry_after: None,
        }
    }
}

fn unreachable(kind: &Kind) -> &'static str {
    match kind {
        Kind::ManagedIdentity(_) => FIX_METADATA,
        Kind::AzureCli { .. } => FIX_CLI,
        _ => FIX_NETWORK,
    }
}

/// Without what the crate puts around the words of `az`.
fn without_frame(text: &str) -> String {
    let text = text.split("\nTo troubleshoot").next().unwrap_or(text);
    let text = text
        .split_once("authentication failed.")
        .map_or(text, |(_, rest)| rest);
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use azure_core::error::{Error, ErrorKind};

    use super::*;

    fn refusal(status: u16, codes: &[u32]) -> Error {
        let refusal = Refusal {
            status,
            retry_after: Some(Duration::from_secs(7)),
            codes: codes.to_vec(),
            text: "said.".to_owned(),
        };
        let inner = Error::new(ErrorKind::Credential, refusal);
        Error::with_error(
            ErrorKind::Credential,
            inner,
            "ClientSecretCredential authentication failed.",
        )
    }

    #[test]
    fn classifies_what_the_crate_passes_on() {
        let app = Kind::WorkloadIdentity {
            tenant_id: "t".into(),
            client_id: "c".into(),
            token_file: "f".into(),
        };
        let machine = Kind::ManagedIdentity(None);
        for (kind, status, codes, reason, fix) in [
            (&app, 429, &[][..], Reason::Throttled, FIX_WAIT),
            (&app, 503, &[], Reason::Unavailable, FIX_WAIT),
            (&app, 400, &[90_033], Reason::Unavailable, FIX_WAIT),
            (
                &app,
                401,
                &[700_024],
                Reason::Refused,
                "set the clock of this machine",
            ),
            (&app, 400, &[1], Reason::Refused, FIX_UNKNOWN),
            (&app, 404, &[], Reason::Refused, FIX_UNKNOWN),
            (&machine, 404, &[], Reason::Unavailable, FIX_WAIT),
            (&machine, 410, &[], Reason::Unavailable, FIX_WAIT),
            (&machine, 400, &[], Reason::Refused, FIX_IDENTITY),
            (&machine, 403, &[], Reason::Refused, FIX_METADATA),
        ] {
            let failure = Failure::of(kind, &refusal(status, codes));
            assert_eq!((failure.reason, failure.fix), (reason, fix), "{status} {codes:?}");
            assert_eq!(
                (failure.detail.as_str(), failure.retry_after),
                ("said", Some(Duration::from_secs(7)))
            );
        }
    }

    #[test]
    fn the_words_of_az_are_kept_without_their_frame() {
        let kind = Kind::AzureCli {
            tenant_id: None,
            subscription: None,
        };
        let text = "AzureCliCredential authentication failed. ERROR: Please run 'az login' to setup account.\n\nTo troubleshoot, visit https://example/#azure-cli";
        let failure = Failure::of(&kind, &Error::with_message(ErrorKind::Credential, text));
        assert_eq!(failure.detail, "ERROR: Please run 'az login' to setup account");
        assert_eq!((failure.reason, failure.fix), (Reason::Refused, FIX_CLI));
    }
}
