//! TLS on a byte stream as a target trusts it: files read, names and fingerprints parsed.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use super::address::Address;
use super::config::StreamTls;
use crate::config::tls::{self, Own, Trust};
use crate::config::tls_pinned::CertificateFingerprint;

/// Whom connections to one receiver trust, and what they show.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Issuer, name or fingerprint that is demanded, and our own certificate.
    pub config: Arc<ClientConfig>,
    /// The name that is looked for in the receiver's certificate.
    pub server_name: ServerName<'static>,
    /// Whether something of the receiver's certificate is checked; `false` is worth a warning.
    pub is_verified: bool,
    files: Vec<Arc<[u8]>>,
}

/// Options that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is none that a certificate can have.
    #[error("`tls.server_name`: `{name}` is no name that a certificate can have")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The text is no fingerprint.
    #[error("`tls.fingerprints`: `{text}` is no SHA-256 fingerprint; write 64 hexadecimal digits")]
    Fingerprint {
        /// The text.
        text: String,
    },
    /// A list without a fingerprint would trust nobody.
    #[error("`tls.fingerprints` is empty, so that no receiver could be trusted; leave it out")]
    NoFingerprint,
    /// A file cannot be used.
    #[error(transparent)]
    Files(#[from] tls::Error),
}

impl Tls {
    /// Checks the options and reads the files.
    pub fn new(options: &StreamTls, address: &Address) -> Result<Self, Error> {
        let server_name = match &options.server_name {
            None => address.server_name(),
            Some(name) => {
                ServerName::try_from(name.clone()).map_err(|_| Error::ServerName { name: name.clone() })?
            }
        };
        let fingerprints = match &options.fingerprints {
            None => Vec::new(),
            Some(texts) if texts.0.is_empty() => return Err(Error::NoFingerprint),
            Some(texts) => texts
                .0
                .iter()
                .map(|text| fingerprint(text))
                .collect::<Result<_, _>>()?,
        };
        let is_verified = options.verify || !fingerprints.is_empty();
        let trust = Trust {
            ca_file: options.ca_file.as_deref(),
            verify: options.verify,
            fingerprints,
        };
        let own = options.client_certificate.as_ref().map(|files| Own {
            certificate: &files.certificate_file,
            key: &files.key_file,
        });
        Ok(Self {
            config: tls::client_config_trusting(trust, own)?,
            server_name,
            is_verified,
            files: tls::contents(options.ca_file.as_deref(), own),
        })
    }

    /// Whether the files were the same when they were read for the other one.
    pub fn has_files_of(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

fn fingerprint(text: &str) -> Result<CertificateFingerprint, Error> {
    CertificateFingerprint::parse(text).ok_or_else(|| Error::Fingerprint {
        text: text.to_owned(),
    })
}
