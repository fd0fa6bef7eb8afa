//! The certificate of an application, and the assertions that its key signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::event::Timestamp;

/// How long an assertion is good for; it is used at once.
const LIFETIME_SECONDS: i64 = 10 * 60;

/// A certificate and its key.
#[derive(Debug)]
pub struct Certificate {
    key: Arc<dyn SigningKey>,
    thumbprint: [u8; 32],
}

/// A certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing, unreadable or no PEM.
    #[error("failed to read {what} in `{}`", path.display())]
    Read {
        /// What was looked for.
        what: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("`{}` holds no certificate", path.display())]
    NoCertificate {
        /// Its path.
        path: PathBuf,
    },
    /// The key cannot be used at all.
    #[error("the key in `{}` cannot be used", path.display())]
    Key {
        /// Path of the file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The key is of a kind that the authority does not take.
    #[error("the key in `{}` is not an RSA key, which Entra ID asks for", path.display())]
    NotRsa {
        /// Path of the file.
        path: PathBuf,
    },
    /// Certificate and key are of different pairs.
    #[error("the certificate in `{}` does not belong to its key", path.display())]
    Mismatch {
        /// Path of the certificate.
        path: PathBuf,
    },
    /// The provider failed to sign.
    #[error("failed to sign the assertion")]
    Sign(#[source] rustls::Error),
}

impl Certificate {
    /// Reads PEM files; without `key_file` the key is in the certificate's.
    pub fn read(certificate_file: &Path, key_file: Option<&Path>) -> Result<Self, Error> {
        let read = |what, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Read { what, path, source }
        };
        let certificates: Vec<_> = CertificateDer::pem_file_iter(certificate_file)
            .and_then(Iterator::collect)
            .map_err(read("a certificate", certificate_file))?;
        let Some(own) = certificates.first() else {
            let path = certificate_file.to_owned();
            return Err(Error::NoCertificate { path });
        };
        let thumbprint = Sha256::digest(own).into();
        let path = key_file.unwrap_or(certificate_file);
        let key = PrivateKeyDer::from_pem_file(path).map_err(read("a private key", path))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).map_err(|source| Error::Key {
            path: path.to_owned(),
            source,
        })?;
        if key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]).is_none() {
            return Err(Error::NotRsa {
                path: path.to_owned(),
            });
        }
        let pair = CertifiedKey::new(certificates, Arc::clone(&key));
        pair.keys_match().map_err(|_| Error::Mismatch {
            path: certificate_file.to_owned(),
        })?;
        Ok(Self { key, thumbprint })
    }

    /// SHA-256 of the certificate.
    pub fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// A signed statement that it is `client_id` who speaks to `audience` at `now`: a JWT with `PS256`.
    pub(super) fn assertion(&self, client_id: &str, audience: &str, now: Timestamp) -> Result<String, Error> {
        let header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": URL_SAFE_NO_PAD.encode(self.thumbprint),
        });
        let seconds = now.as_millis().div_euclid(1000);
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": uuid::Uuid::new_v4().to_string(),
            "iat": seconds,
            "nbf": seconds,
            "exp": seconds + LIFETIME_SECONDS,
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signer = self
            .key
            .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
            .expect("the key is known to be one of RSA");
        let signature = signer.sign(signed.as_bytes()).map_err(Error::Sign)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};
    use rustls_pki_types::alg_id;

    use super::*;

    struct Files {
        directory: tempfile::TempDir,
    }

    impl Files {
        fn write(&self, name: &str, text: String) -> PathBuf {
            let path = self.directory.path().join(name);
            std::fs::write(&path, text).expect("it can be written");
            path
        }
    }

    fn files() -> Files {
        Files {
            directory: tempfile::tempdir().expect("a directory can be made"),
        }
    }

    fn rsa() -> (String, KeyPair) {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key can be made");
        let params = CertificateParams::new(["bridge".to_owned()]).expect("it is a name");
        let certificate = params.self_signed(&key).expect("it can be signed");
        (certificate.pem(), key)
    }

    #[test]
    fn signs_what_the_key_of_the_certificate_verifies() {
        let (files, (pem, key)) = (files(), rsa());
        let both = files.write("both.pem", pem.clone() + &key.serialize_pem());
        let certificate = Certificate::read(&both, None).expect("it can be used");
        let now = Timestamp::from_millis(1_700_000_000_999);
        let assertion = certificate.assertion("app", "https://authority/token", now);
        let assertion = assertion.expect("it can be signed");
        let (signed, signature) = assertion.rsplit_once('.').expect("it has three parts");
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("it is base64");
        let (header, claims) = signed.split_once('.').expect("it has three parts");
        let value =
            |text: &str| -> serde_json::Value { serde_json::from_slice(&decode(text)).expect("it is JSON") };
        let (header, claims) = (value(header), value(claims));
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is PEM");
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
        assert_eq!(
            (&header["alg"], &header["x5t#S256"]),
            (&json!("PS256"), &json!(thumbprint))
        );
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
        assert_eq!(claims["aud"], "https://authority/token");
        assert_eq!(
            (&claims["nbf"], &claims["exp"]),
            (&json!(1_700_000_000), &json!(1_700_000_600))
        );

        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let algorithm = algorithms
            .all
            .iter()
            .find(|it| {
                it.signature_alg_id() == alg_id::RSA_PSS_SHA256
                    && it.public_key_alg_id() == alg_id::RSA_ENCRYPTION
            })
            .expect("the provider knows it");
        let bits = key.der_bytes();
        assert!(
            algorithm
                .verify_signature(bits, signed.as_bytes(), &decode(signature))
                .is_ok()
        );
        assert!(
            algorithm
                .verify_signature(bits, b"something else", &decode(signature))
                .is_err()
        );
    }

    #[test]
    fn names_what_is_wrong_with_a_file() {
        let (files, (pem, key), (other, _)) = (files(), rsa(), rsa());
        let certificate = files.write("certificate.pem", pem);
        let key = files.write("key.pem", key.serialize_pem());
        let other = files.write("other.pem", other);
        let curve = rcgen::generate_simple_self_signed(["bridge".to_owned()]).expect("it can be made");
        let curve = files.write("curve.pem", curve.cert.pem() + &curve.signing_key.serialize_pem());
        let missing = Path::new("/nonexistent/certificate.pem");
        assert!(Certificate::read(&certificate, Some(&key)).is_ok());
        for (certificate, key, expected) in [
            (certificate.as_path(), None, "failed to read a private key"),
            (&key, None, "holds no certificate"),
            (&other, Some(key.as_path()), "does not belong to its key"),
            (&curve, None, "is not an RSA key"),
            (missing, None, "failed to read a certificate"),
        ] {
            let error = Certificate::read(certificate, key).expect_err("it cannot be used");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
