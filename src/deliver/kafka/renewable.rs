//! What settings were read from, to see whether somebody renewed it since.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::config::Kafka;
use crate::config::{SecretReference, secret};

/// A password and files of certificates, as they were read. The client library keeps what it read at its start, so a new
/// producer is needed where another reading differs.
#[derive(Debug, Clone)]
pub struct Renewable {
    password: Option<(SecretReference, SecretString)>,
    files: Vec<(PathBuf, Arc<[u8]>)>,
}

impl Renewable {
    /// Reads what the options refer to.
    pub fn read(options: &Kafka) -> Result<Self, secret::Error> {
        let reference = options.sasl.as_ref().and_then(|sasl| sasl.password.clone());
        let password = match reference {
            Some(reference) => Some((reference.clone(), reference.read()?)),
            None => None,
        };
        let tls = options.tls.as_ref();
        let own = tls.and_then(|tls| tls.client_certificate.as_ref());
        let own = own.map(|files| [files.certificate_file.clone(), files.key_file.clone()]);
        let authorities = tls.and_then(|tls| tls.ca_file.clone());
        let paths = authorities.into_iter().chain(own.into_iter().flatten());
        Ok(Self {
            password,
            files: paths.map(|path| (path.clone(), content(&path))).collect(),
        })
    }

    /// The password, if there is one.
    pub fn password(&self) -> Option<&str> {
        let (_, password) = self.password.as_ref()?;
        Some(password.expose_secret())
    }

    /// Another reading, if it differs. What cannot be read now is taken as it was. Waits for disks.
    pub fn renewed(&self) -> Option<Self> {
        let mut new = self.clone();
        if let Some((reference, password)) = &mut new.password
            && let Ok(read) = reference.read()
        {
            *password = read;
        }
        for (path, content_before) in &mut new.files {
            let now = content(path);
            if !now.is_empty() {
                *content_before = now;
            }
        }
        let is_same = new.password() == self.password() && new.files == self.files;
        (!is_same).then_some(new)
    }
}

/// One that cannot be read now could be read a moment before, when it was checked; the next reading will differ.
fn content(path: &PathBuf) -> Arc<[u8]> {
    std::fs::read(path).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_reading_may_differ() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let path = |name: &str| directory.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("it can be written");
        write("password", "old\n");
        write("ca", "authority");
        let yaml = format!(
            "brokers: k:1\ntopic: mdc\ntls: {{ ca_file: {:?} }}\n\
             sasl: {{ mechanism: plain, username: u, password: {{ file: {:?} }} }}",
            path("ca"),
            path("password")
        );
        let options = serde_saphyr::from_str(&yaml).expect("they are valid");
        let read = Renewable::read(&options).expect("they can be read");
        assert_eq!(read.password(), Some("old"));
        assert!(read.renewed().is_none(), "nothing changed");
        write("password", "new");
        let renewed = read.renewed().expect("the password changed");
        assert_eq!(renewed.password(), Some("new"));
        write("ca", "another");
        assert!(renewed.renewed().is_some(), "the authority changed");
        std::fs::remove_file(path("ca")).expect("it is there");
        assert!(renewed.renewed().is_none(), "what is missing is taken as it was");
        assert!(!format!("{read:?}").contains("old"), "a log shows no secret");
    }
}
