//! Which topic a record goes to.

use crate::deliver::value::TextByKind;
use crate::event::Kind;

/// Longest name of a topic.
const MAX_TOPIC_BYTES: usize = 249;

/// The topics of one target, and which of them each kind of record goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    names: Vec<String>,
    number_by_kind: Vec<usize>,
}

/// The option cannot be used as it is.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Some kinds have no topic.
    #[error("`topic` has no text for some kinds; add `otherwise`")]
    Incomplete,
    /// Another placeholder than the one there is.
    #[error("`topic` has the unknown placeholder `{{{placeholder}}}`; there is `{{kind}}`")]
    UnknownPlaceholder {
        /// The name between the braces.
        placeholder: String,
    },
    /// No topic can be called this.
    #[error(
        "`{option}` is `{name}`, and names have 1 to 249 letters, digits, `.`, `_` and `-`, and are not `.` or `..`"
    )]
    InvalidName {
        /// The option.
        option: &'static str,
        /// The name, its placeholder replaced.
        name: String,
    },
}

impl Topics {
    /// Replaces the placeholders of the option, and checks every name that comes out.
    pub fn new(option: &TextByKind) -> Result<Self, Error> {
        if !option.is_complete() {
            return Err(Error::Incomplete);
        }
        let (names, number_by_kind) = option.lanes(|text, kind| text.replace("{kind}", kind.as_str()));
        for name in &names {
            if let Some((_, rest)) = name.split_once('{')
                && let Some((placeholder, _)) = rest.split_once('}')
            {
                let placeholder = placeholder.to_owned();
                return Err(Error::UnknownPlaceholder { placeholder });
            }
            check_name("topic", name)?;
        }
        Ok(Self {
            names,
            number_by_kind,
        })
    }

    /// Every topic once. At most 10: one for each kind that is routed.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Position of a kind's topic among [`Topics::names`].
    pub fn number(&self, kind: Kind) -> usize {
        self.number_by_kind[kind.index()]
    }

    /// The topic of a kind.
    pub fn name(&self, kind: Kind) -> &str {
        &self.names[self.number(kind)]
    }
}

/// Whether a topic can be called what `option` says.
pub fn check_name(option: &'static str, name: &str) -> Result<(), Error> {
    match is_valid(name) {
        true => Ok(()),
        false => Err(Error::InvalidName {
            option,
            name: name.to_owned(),
        }),
    }
}

fn is_valid(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_TOPIC_BYTES).contains(&name.len()) && name.bytes().all(is_plain) && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(yaml: &str) -> Result<Topics, Error> {
        Topics::new(&serde_saphyr::from_str(yaml).expect("it is a text by kind"))
    }

    #[test]
    fn a_kind_has_a_topic() {
        let topics = topics("'mdc.{kind}'").expect("it is complete");
        assert_eq!(topics.name(Kind::Alert), "mdc.alert");
        assert_eq!((topics.names().len(), topics.number(Kind::Alert)), (10, 0));
        let topics = super::Topics::new(&TextByKind::all("mdc")).expect("it is complete");
        assert_eq!(topics.names(), ["mdc"]);
    }

    #[test]
    fn names_are_checked() {
        let long = format!("'{}'", "x".repeat(250));
        let cases = [
            ("{ alert: mdc }", "add `otherwise`"),
            ("'mdc.{hub}'", "unknown placeholder `{hub}`"),
            ("'mdc {kind}'", "`mdc alert`"),
            ("'mdc.{kind'", "`mdc.{kind`"),
            ("'..'", "`..`"),
            ("''", "``"),
            (&long, "1 to 249"),
        ];
        for (yaml, expected) in cases {
            let error = topics(yaml).expect_err(yaml).to_string();
            assert!(error.contains(expected), "{yaml}: {error}");
        }
    }
}
