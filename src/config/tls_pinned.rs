//! A TLS client that knows the certificates it accepts by their fingerprints.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};

/// SHA-256 over a certificate in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateFingerprint(pub [u8; 32]);

/// The certificate is not among those that are accepted.
#[derive(Debug, thiserror::Error)]
#[error("its SHA-256 fingerprint {0} is not listed")]
struct Unlisted(CertificateFingerprint);

/// Demands one of the fingerprints, and besides whatever the inner verifier demands.
#[derive(Debug)]
pub(super) struct PinnedCertificate {
    pub(super) fingerprints: Vec<CertificateFingerprint>,
    pub(super) inner: Arc<dyn ServerCertVerifier>,
}

impl CertificateFingerprint {
    /// Reads 64 hexadecimal digits, colons between them or not, behind `sha256:` or not.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let digits = ["sha256:", "sha-256:", "sha256 fingerprint="]
            .iter()
            .find_map(|prefix| lower.strip_prefix(prefix))
            .unwrap_or(&lower);
        let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b':').collect();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for CertificateFingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            let colon = if position == 0 { "" } else { ":" };
            write!(formatter, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = CertificateFingerprint::of(certificate);
        if !self.fingerprints.contains(&found) {
            return Err(CertificateError::Other(OtherError(Arc::new(Unlisted(found)))).into());
        }
        self.inner
            .verify_server_cert(certificate, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fingerprints_as_tools_print_them() {
        let plain = "00ff".repeat(16);
        let expected = Some(CertificateFingerprint::parse(&plain).expect("it is one"));
        let colons: Vec<_> = plain
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair))
            .collect();
        let colons = colons.join(":").to_uppercase();
        assert_eq!(CertificateFingerprint::parse(&colons), expected);
        assert_eq!(
            expected.map(|fingerprint| fingerprint.to_string()),
            Some(colons.clone())
        );
        assert_eq!(
            CertificateFingerprint::parse(&format!("sha256:{colons}")),
            expected
        );
        assert_eq!(
            CertificateFingerprint::parse(&format!("SHA-256:{plain}")),
            expected
        );
        assert_eq!(
            CertificateFingerprint::parse(&format!("SHA256 Fingerprint={colons}\n")),
            expected
        );
        for text in [
            "",
            "sha256:",
            &plain[1..],
            &format!("{plain}00"),
            &plain.replace('f', "g"),
            "sha1:00ff",
        ] {
            assert_eq!(CertificateFingerprint::parse(text), None, "{text}");
        }
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            CertificateFingerprint::parse(empty),
            Some(CertificateFingerprint::of(b""))
        );
    }
}
