//! One way to trust a peer's certificate, shared by the hub, the targets and every other TLS client.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::tls_pinned::{CertificateFingerprint, PinnedCertificate};
use super::tls_unverified::AnyCertificate;

/// Certificates to trust could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is missing, unreadable or no PEM.
    #[error("failed to read CA file `{}`", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate, or one that is none.
    #[error("CA file `{}` holds no usable certificate", path.display())]
    Unusable {
        /// Its path.
        path: PathBuf,
    },
    /// The machine has no certificates of its own, or they cannot be used.
    #[error("failed to load the system's CA certificates; install `ca-certificates` or set `tls.ca_file`")]
    System {
        /// Why.
        source: rustls::Error,
    },
    /// The certificate to show, or its key, is missing, unreadable or no PEM.
    #[error("failed to read client certificate file `{}`", path.display())]
    ReadOwn {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The certificate to show and its key do not belong together, or are of a kind that cannot be used.
    #[error("client certificate `{}` cannot be used with its key", path.display())]
    UnusableOwn {
        /// Path of the certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The crypto provider offers no protocol version that rustls considers safe.
    #[error("failed to set up TLS")]
    Setup {
        /// Why.
        source: rustls::Error,
    },
}

/// PEM files of the certificate that is shown to a peer which asks for one.
#[derive(Debug, Clone, Copy)]
pub struct Own<'p> {
    /// The certificate, with those between it and its authority.
    pub certificate: &'p Path,
    /// Its private key, not encrypted.
    pub key: &'p Path,
}

/// What a peer's certificate must be.
#[derive(Debug, Clone)]
pub struct Trust<'p> {
    /// PEM file of the authorities to trust; without it, those of the system.
    pub ca_file: Option<&'p Path>,
    /// Whether issuer, name and validity are checked.
    pub verify: bool,
    /// One of these is demanded besides, if there are any.
    pub fingerprints: Vec<CertificateFingerprint>,
}

/// The content of these files, to tell whether they changed. One that cannot be read now could be read a moment before; it
/// counts as empty, and the next reading will differ.
pub fn contents(ca_file: Option<&Path>, own: Option<Own<'_>>) -> Vec<Arc<[u8]>> {
    let own = own.map(|own| [own.certificate, own.key]);
    ca_file
        .into_iter()
        .chain(own.into_iter().flatten())
        .map(|path| std::fs::read(path).unwrap_or_default().into())
        .collect()
}

/// A TLS client without a client certificate. With `ca_file` only its certificates (PEM) are trusted, else those of
/// the system.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    client_config_showing(None, ca_file)
}

/// The same, which shows `own` to a peer that asks for a certificate.
pub fn client_config_showing(
    own: Option<Own<'_>>,
    ca_file: Option<&Path>,
) -> Result<Arc<ClientConfig>, Error> {
    let trust = Trust {
        ca_file,
        verify: true,
        fingerprints: Vec::new(),
    };
    client_config_trusting(trust, own)
}

/// A TLS client that trusts every certificate, for `verify: false`.
pub fn unverified_client_config() -> Result<Arc<ClientConfig>, Error> {
    unverified_client_config_showing(None)
}

/// The same, which shows `own` to a peer that asks for a certificate.
pub fn unverified_client_config_showing(own: Option<Own<'_>>) -> Result<Arc<ClientConfig>, Error> {
    let trust = Trust {
        ca_file: None,
        verify: false,
        fingerprints: Vec::new(),
    };
    client_config_trusting(trust, own)
}

/// A TLS client that trusts whom `trust` says, and shows `own` to a peer that asks for a certificate.
pub fn client_config_trusting(trust: Trust<'_>, own: Option<Own<'_>>) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let mut verifier: Arc<dyn ServerCertVerifier> = match (trust.verify, trust.ca_file) {
        (false, _) => Arc::new(AnyCertificate(Arc::clone(&provider))),
        (true, Some(path)) => {
            WebPkiServerVerifier::builder_with_provider(Arc::new(read_roots(path)?), Arc::clone(&provider))
                .build()
                .map_err(|_| Error::Unusable { path: path.into() })?
        }
        (true, None) => Arc::new(
            rustls_platform_verifier::Verifier::new(Arc::clone(&provider))
                .map_err(|source| Error::System { source })?,
        ),
    };
    if !trust.fingerprints.is_empty() {
        verifier = Arc::new(PinnedCertificate {
            fingerprints: trust.fingerprints,
            inner: verifier,
        });
    }
    with_verifier(provider, verifier, own)
}

/// A TLS client that trusts nobody, for peers without TLS: it needs no certificates on the machine.
pub fn distrusting_client_config() -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|source| Error::Setup { source })?;
    Ok(Arc::new(
        builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    ))
}

/// aws-lc-rs, whatever is installed in the process.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn with_verifier(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    own: Option<Own<'_>>,
) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|source| Error::Setup { source })?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some(Own { certificate, key }) = own else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let read = |path: &Path, source| Error::ReadOwn {
        path: path.into(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|source| read(certificate, source))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| read(key, source))?;
    let config = builder.with_client_auth_cert(certificates, key);
    config.map(Arc::new).map_err(|source| Error::UnusableOwn {
        path: certificate.into(),
        source,
    })
}

fn read_roots(path: &Path) -> Result<RootCertStore, Error> {
    let read = |source| Error::Read {
        path: path.into(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(read)? {
        roots
            .add(certificate.map_err(read)?)
            .map_err(|_| Error::Unusable { path: path.into() })?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_file_that_cannot_be_used() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        assert!(matches!(
            client_config(Some(file.path())),
            Err(Error::Unusable { .. })
        ));
        let error = client_config(Some(Path::new("/nonexistent/ca.pem"))).expect_err("it is missing");
        assert_eq!(error.to_string(), "failed to read CA file `/nonexistent/ca.pem`");
    }

    #[test]
    fn shows_a_certificate_that_fits_its_key() {
        let made = rcgen::generate_simple_self_signed(["bridge.test".to_owned()]).expect("it can be made");
        let other = rcgen::generate_simple_self_signed(["bridge.test".to_owned()]).expect("it can be made");
        let directory = tempfile::tempdir().expect("a directory can be made");
        let write = |name: &str, text: String| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).expect("it can be written");
            path
        };
        let certificate = write("certificate.pem", made.cert.pem());
        let key = write("key.pem", made.signing_key.serialize_pem());
        let other = write("other.pem", other.signing_key.serialize_pem());
        let with = |key: &Path| {
            unverified_client_config_showing(Some(Own {
                certificate: &certificate,
                key,
            }))
        };
        assert!(with(&key).is_ok());
        assert!(matches!(with(&other), Err(Error::UnusableOwn { .. })));
        assert!(matches!(with(&certificate), Err(Error::ReadOwn { .. })));
    }

    #[test]
    fn trusts_a_ca_file() {
        let certificate =
            rcgen::generate_simple_self_signed(["hub.test".to_owned()]).expect("it can be made");
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        std::fs::write(file.path(), certificate.cert.pem()).expect("it can be written");
        assert!(client_config(Some(file.path())).is_ok());
    }
}
