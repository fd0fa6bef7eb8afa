//! Who we are, and how that is proven.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::certificate::Certificate;

/// One identity; exactly one is configured.
#[derive(Debug, Clone)]
pub enum Kind {
    /// An application with a secret.
    ClientSecret {
        /// Its tenant.
        tenant_id: String,
        /// Its id.
        client_id: String,
        /// The secret's value.
        secret: SecretString,
    },
    /// An application with a certificate.
    ClientCertificate {
        /// Its tenant.
        tenant_id: String,
        /// Its id.
        client_id: String,
        /// The certificate and its key.
        certificate: Arc<Certificate>,
    },
    /// The identity of the machine or service.
    ManagedIdentity(Option<UserAssigned>),
    /// The identity of a service account.
    WorkloadIdentity {
        /// Its tenant.
        tenant_id: String,
        /// Its id.
        client_id: String,
        /// Where its token stands.
        token_file: PathBuf,
    },
    /// The login of the Azure CLI.
    AzureCli {
        /// Its tenant, if not that of the login.
        tenant_id: Option<String>,
        /// Its subscription, if not the current one.
        subscription: Option<String>,
    },
}

/// A managed identity that somebody made and assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAssigned {
    /// By its client id.
    ClientId(String),
    /// By its object id.
    ObjectId(String),
    /// By its Azure resource id.
    ResourceId(String),
}

/// The kinds, as their options are named.
pub const KINDS: [&str; 5] = [
    "client_secret",
    "client_certificate",
    "managed_identity",
    "workload_identity",
    "azure_cli",
];

impl Kind {
    /// Its word, as the option is named.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::ClientSecret { .. } => KINDS[0],
            Kind::ClientCertificate { .. } => KINDS[1],
            Kind::ManagedIdentity(_) => KINDS[2],
            Kind::WorkloadIdentity { .. } => KINDS[3],
            Kind::AzureCli { .. } => KINDS[4],
        }
    }

    /// Whether both give the same tokens.
    pub(super) fn is_same(&self, other: &Kind) -> bool {
        self.parts() == other.parts()
    }

    /// All that makes it what it is. Some of it is secret: it is compared, and not kept.
    fn parts(&self) -> Vec<&[u8]> {
        let mut parts = vec![self.name().as_bytes()];
        match self {
            Kind::ClientSecret {
                tenant_id,
                client_id,
                secret,
            } => parts.extend([tenant_id, client_id, secret.expose_secret()].map(str::as_bytes)),
            Kind::ClientCertificate {
                tenant_id,
                client_id,
                certificate,
            } => {
                parts.extend([
                    tenant_id.as_bytes(),
                    client_id.as_bytes(),
                    certificate.thumbprint(),
                ]);
            }
            Kind::ManagedIdentity(None) => {}
            Kind::ManagedIdentity(Some(id)) => {
                let (name, id) = match id {
                    UserAssigned::ClientId(id) => ("client_id", id),
                    UserAssigned::ObjectId(id) => ("object_id", id),
                    UserAssigned::ResourceId(id) => ("resource_id", id),
                };
                parts.extend([name, id].map(str::as_bytes));
            }
            Kind::WorkloadIdentity {
                tenant_id,
                client_id,
                token_file,
            } => {
                let file = token_file.as_os_str().as_encoded_bytes();
                parts.extend([tenant_id.as_bytes(), client_id.as_bytes(), file]);
            }
            Kind::AzureCli {
                tenant_id,
                subscription,
            } => parts.extend([tenant_id, subscription].map(|text| text.as_deref().unwrap_or("").as_bytes())),
        }
        parts
    }
}
