//! Whom a target's connections trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// The trust cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of further certificates cannot be read.
    #[error("failed to read certificates from `{}`", path.display())]
    CaFile {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The file has no certificate.
    #[error("`{}` has no certificate in PEM form", path.display())]
    NoCertificate {
        /// Its path.
        path: PathBuf,
    },
    /// The system's certificates cannot be used.
    #[error("failed to set up the trust in the system's certificates; install them or name a `ca_file`")]
    System(#[source] rustls::Error),
}

/// A configuration for addresses without TLS: it trusts nobody, and needs no certificates on the machine.
pub fn no_client_config() -> ClientConfig {
    builder(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// A configuration that trusts the system's certificates and those of `ca_file`, or everybody without `verify`.
pub fn client_config(ca_file: Option<&Path>, verify: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if verify {
        let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, Arc::clone(&provider));
        Arc::new(verifier.map_err(Error::System)?)
    } else {
        Arc::new(AnyCertificate(Arc::clone(&provider)))
    };
    Ok(builder(provider)
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn builder(provider: Arc<CryptoProvider>) -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let failed = |source| Error::CaFile {
        path: path.to_owned(),
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(failed)?
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if certificates.is_empty() {
        return Err(Error::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(certificates)
}

/// Accepts every certificate: `verify: false`. Signatures are still checked, so the connection is a whole one.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
