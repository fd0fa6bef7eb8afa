//! What can go wrong at the blob store, and what an operator can do about it.

use std::error::Error as StdError;
use std::time::Duration;

use azure_core::error::ErrorKind;

use crate::credential::Failure;
use crate::deliver::http_request;
use crate::durable::retry::chain;

/// What the service says where the container itself is missing.
pub(super) const NO_CONTAINER: &str = "ContainerNotFound";

/// A request to the blob store did not do what it was for. At start: stop with exit code 74. While running: try again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store was not reached; it passes by itself, or the network has to be mended.
    #[error("failed to {operation} `{object}`: the blob store cannot be reached: {detail}")]
    Unreachable {
        /// What was tried, such as `write the checkpoint`.
        operation: &'static str,
        /// Blob or container.
        object: String,
        /// Why.
        detail: String,
    },
    /// All tries together took too long.
    #[error("failed to {operation} `{object}`: the blob store did not answer within {} s", patience.as_secs())]
    Silent {
        /// What was tried.
        operation: &'static str,
        /// Blob or container.
        object: String,
        /// How long it was tried.
        patience: Duration,
    },
    /// The store answered, and not as wished.
    #[error("failed to {operation} `{object}`: the blob store answered {status} {code}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// Blob or container.
        object: String,
        /// HTTP status.
        status: u16,
        /// The store's own word for it.
        code: String,
    },
    /// The container itself is not there: it was removed, or another one is meant. What was stored is then not known, which
    /// is not the same as nothing having been stored.
    #[error("failed to {operation} `{object}`: there is no container `{container}` ({NO_CONTAINER})")]
    NoContainer {
        /// What was tried.
        operation: &'static str,
        /// Blob or container.
        object: String,
        /// Address of the container.
        container: String,
    },
    /// There is no token of Microsoft Entra ID to show.
    #[error("failed to {operation} `{object}`")]
    NoToken {
        /// What was tried.
        operation: &'static str,
        /// Blob or container.
        object: String,
        /// Why.
        source: Failure,
    },
    /// The answer cannot be read.
    #[error("failed to {operation} `{object}`: the answer is not what a blob store says: {detail}")]
    Unexpected {
        /// What was tried.
        operation: &'static str,
        /// Blob or container.
        object: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A checkpoint is there and says no position.
    #[error("blob `{blob}` is no checkpoint: {detail}")]
    Invalid {
        /// Name of the blob.
        blob: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The checkpoint was written by others again and again while we tried.
    #[error("failed to write the checkpoint `{blob}`: others write it all the time")]
    Contended {
        /// Name of the blob.
        blob: String,
    },
}

impl Error {
    /// What an error of the Azure crate means.
    pub(super) fn of(operation: &'static str, object: &str, error: &azure_core::Error) -> Self {
        let object = object.to_owned();
        if let ErrorKind::HttpResponse {
            status, error_code, ..
        } = error.kind()
        {
            return Error::Refused {
                operation,
                object,
                status: (*status).into(),
                code: error_code.clone().unwrap_or_default(),
            };
        }
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(cause) = next {
            if let Some(failure) = cause.downcast_ref::<Failure>() {
                return Error::NoToken {
                    operation,
                    object,
                    source: failure.clone(),
                };
            }
            if let Some(error) = cause.downcast_ref::<http_request::Error>() {
                return Error::Unreachable {
                    operation,
                    object,
                    detail: chain(error),
                };
            }
            next = cause.source();
        }
        Error::Unexpected {
            operation,
            object,
            detail: error.to_string(),
        }
    }

    /// The next step for the operator, one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Unreachable { .. } | Error::Silent { .. } => {
                "see that this machine reaches the storage account over HTTPS: name, firewall, private endpoint, proxy"
            }
            Error::Refused { status, code, .. } => refused_hint(*status, code),
            Error::NoContainer { .. } => {
                "compare the names of account and container with the portal; a container that was removed can be restored \
                 there if soft delete is on, else make it again and bring positions back with `hub2siem checkpoint import` or `set`: without \
                 them partitions start as `event_hub.start` says"
            }
            Error::NoToken { source, .. } => source.fix,
            Error::Unexpected { .. } => "see that `checkpoint.blob` names a container of Azure Blob Storage",
            Error::Invalid { .. } => {
                "write a position with `hub2siem checkpoint set`, or remove the blob to let this partition start as \
                 `event_hub.start` says; that repeats or skips events"
            }
            Error::Contended { .. } => {
                "see whether another consumer with the same container and consumer group runs beside this one"
            }
        }
    }
}

fn refused_hint(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "AuthorizationPermissionMismatch") => {
            "give the identity the role Storage Blob Data Contributor on the container, or the SAS the rights to read, \
             create, write and list; a new role takes up to ten minutes"
        }
        (_, "AuthorizationFailure" | "PublicAccessNotPermitted") => {
            "the storage account's network rules do not admit this machine, or it allows no account key; else compare the key or SAS with the portal"
        }
        (_, "KeyBasedAuthenticationNotPermitted") => {
            "the storage account allows no account key; use `container_url` with a `credential`"
        }
        (401 | 403, _) => {
            "compare the key or SAS with the portal, also its expiry, and the clock of this machine; with a `credential`, \
             its tenant"
        }
        (404, _) => "see whether `checkpoint.blob` names the right account",
        (409, "ContainerBeingDeleted") => "the container is being deleted; it can be made again in a minute",
        (429 | 500..=599, _) => "it is tried again by itself; the store is overloaded or in trouble",
        _ => "docs/checkpoints.md says what the store needs",
    }
}
