//! A certificate authority of a test, with a certificate for the receiver and one for the client.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// PEM files that are removed when this is dropped.
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    /// The receiver is called `server_name`; the client is called `client.test`.
    pub fn new(server_name: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let mut authority = params(&[], "authority of a test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = authority.self_signed(&key).expect("it can be signed");
        write(directory.path(), "ca.pem", &certificate.pem());
        let issuer = Issuer::new(authority, key);
        for (file, name) in [("server", server_name), ("client", "client.test")] {
            let key = KeyPair::generate().expect("a key can be made");
            let certificate = params(&[name], name)
                .signed_by(&key, &issuer)
                .expect("it can be signed");
            write(directory.path(), &format!("{file}.pem"), &certificate.pem());
            write(directory.path(), &format!("{file}.key"), &key.serialize_pem());
        }
        Self { directory }
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The receiver's certificate and its key.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        self.pair("server")
    }

    /// The client's certificate and its key.
    pub fn client(&self) -> (PathBuf, PathBuf) {
        self.pair("client")
    }

    fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        let path = |ending| self.directory.path().join(format!("{name}.{ending}"));
        (path("pem"), path("key"))
    }
}

fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("the names are valid");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn write(directory: &Path, name: &str, content: &str) {
    std::fs::write(directory.join(name), content).expect("it can be written");
}
