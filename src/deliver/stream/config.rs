//! Options of TLS on a byte stream, as the file has them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::deliver::http_batch::config::ClientCertificate;
use crate::deliver::value::Texts;

/// How the receiver's certificate is checked, and which one we show.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamTls {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The certificate to show to a receiver that asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// The name the receiver's certificate must have. Without it: the host of `address`.
    pub server_name: Option<String>,
    /// SHA-256 fingerprints of certificates, in hexadecimal digits with or without colons: the receiver must have one of
    /// them. With `verify: true` its issuer and its name are checked besides; with `verify: false` only this is.
    pub fingerprints: Option<Texts>,
    /// `false` checks neither issuer nor name. Without `fingerprints` any certificate will do then: whoever can redirect
    /// the connection reads the records.
    #[serde(default = "verify")]
    pub verify: bool,
}

impl Default for StreamTls {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            server_name: None,
            fingerprints: None,
            verify: verify(),
        }
    }
}

fn verify() -> bool {
    true
}
