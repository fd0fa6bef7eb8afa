//! Secrets stand in the configuration as references, never as text.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// What is said to someone who wrote the secret itself; the text is masked wherever it is shown.
pub const WRITTEN_OUT: &str =
    "a secret is not written into the file, but read from `{ env: NAME }` or `{ file: PATH }`";

/// Where a secret is read from.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum SecretReference {
    /// An environment variable of the process.
    Env(String),
    /// A file, such as a mounted secret; one trailing line end is trimmed.
    File(PathBuf),
}

/// The two forms, for serde; [`SecretReference`] itself refuses plain text without repeating it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Env(String),
    File(PathBuf),
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor)
    }
}

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = SecretReference;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("`{ env: NAME }` or `{ file: PATH }`")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretReference, E> {
        Err(E::custom(WRITTEN_OUT))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretReference, E> {
        Err(E::custom(WRITTEN_OUT))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretReference, E> {
        Err(E::custom(WRITTEN_OUT))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<SecretReference, A::Error> {
        // Whatever is wrong here may be the secret itself, so the error says nothing of it.
        let form = Form::deserialize(serde::de::value::MapAccessDeserializer::new(access))
            .map_err(|_| A::Error::custom(WRITTEN_OUT))?;
        let (text, reference) = match form {
            Form::Env(name) => (name.clone(), SecretReference::Env(name)),
            Form::File(path) => (path.display().to_string(), SecretReference::File(path)),
        };
        // A connection string put in the place of its variable's name.
        if text.contains(['=', ';']) {
            return Err(A::Error::custom(WRITTEN_OUT));
        }
        Ok(reference)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<SecretReference, A::Error> {
        Err(A::Error::custom(WRITTEN_OUT))
    }
}

/// A secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The variable is not set, or is not UTF-8.
    #[error("environment variable `{name}` is not set")]
    Variable {
        /// Its name.
        name: String,
    },
    /// The file could not be read.
    #[error("failed to read secret file `{}`", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{reference} is empty")]
    Empty {
        /// What was read.
        reference: String,
    },
}

impl SecretReference {
    /// Reads the secret now.
    pub fn read(&self) -> Result<SecretString, Error> {
        let text = match self {
            SecretReference::Env(name) => {
                std::env::var(name).map_err(|_| Error::Variable { name: name.clone() })?
            }
            SecretReference::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| Error::File {
                    path: path.clone(),
                    source,
                })?;
                without_line_end(text)
            }
        };
        if text.is_empty() {
            return Err(Error::Empty {
                reference: self.to_string(),
            });
        }
        Ok(SecretString::from(text))
    }
}

impl std::fmt::Display for SecretReference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SecretReference::Env(name) => write!(formatter, "environment variable `{name}`"),
            SecretReference::File(path) => write!(formatter, "secret file `{}`", path.display()),
        }
    }
}

fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn trims_one_line_end_of_a_file() {
        for (content, expected) in [
            ("t\n", "t"),
            ("t\r\n", "t"),
            ("t\n\n", "t\n"),
            ("t", "t"),
            (" t ", " t "),
        ] {
            let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
            std::fs::write(file.path(), content).expect("it can be written");
            let secret = SecretReference::File(file.path().into())
                .read()
                .expect("it can be read");
            assert_eq!(secret.expose_secret(), expected, "{content:?}");
        }
    }

    #[test]
    fn names_what_is_missing() {
        let error = SecretReference::Env("HUB2SIEM_TEST_UNSET".into())
            .read()
            .expect_err("it is not set");
        assert_eq!(
            error.to_string(),
            "environment variable `HUB2SIEM_TEST_UNSET` is not set"
        );
    }
}
