//! Options that every target kind with batches by HTTP has, as the file has them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::SecretReference;

/// Who we are for the peer; at most one of these.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// A name and a password.
    pub basic: Option<Basic>,
    /// A token, sent as `Bearer`.
    pub bearer: Option<SecretReference>,
    /// A key in its encoded form, sent as `ApiKey`.
    pub api_key: Option<SecretReference>,
}

/// A name and a password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretReference,
}

/// How the peer's certificate is checked, and which one we show.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpTls {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The certificate to show to a peer that asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// `false` accepts any certificate: whoever can redirect the connection reads the records and the secrets.
    pub verify: bool,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// PEM file of the certificate, with those between it and its authority.
    pub certificate_file: PathBuf,
    /// PEM file of its private key, not encrypted.
    pub key_file: PathBuf,
}

impl Default for HttpTls {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            verify: true,
        }
    }
}
