//! Which letters go to which target. Made before anything is sent: letters that come later are left to another replay.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Configuration, TargetConfiguration};
use crate::deliver::dead_letter::entries::Damaged;
use crate::deliver::dead_letter::{Entry, Found, LetterId, Marks, entries};
use crate::durable::FileError;

/// What is to be sent.
#[derive(Debug, Default)]
pub struct Plan {
    /// Letters by target, in the order written.
    pub targets: BTreeMap<Arc<str>, Vec<Planned>>,
    /// Letters that cannot be sent, by the reason.
    pub left: BTreeMap<Left, u64>,
    /// Places of the files that cannot be read.
    pub damaged: Vec<Damaged>,
}

/// One letter that is to be sent.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its name.
    pub id: LetterId,
    /// The file.
    pub path: Arc<Path>,
    /// Bytes of its entry.
    pub length: usize,
}

/// Why a letter is not sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// It names no target, and no other one is given.
    NoTarget,
    /// The target it names is not in the configuration.
    UnknownTarget(String),
    /// The target it names is given up.
    GivenUp(String),
    /// It comes from another hub than that of the configuration.
    OtherHub(String),
    /// Only the form for another target is kept.
    OtherForm(String),
}

impl Plan {
    /// Reads `directory` and decides for each letter that is not done and that `selects` wants; `other_target` stands for
    /// the one in the letters. Blocks.
    pub fn make(
        directory: &Path,
        configuration: &Configuration,
        other_target: Option<&Arc<str>>,
        selects: &dyn Fn(&Entry) -> bool,
    ) -> Result<Self, FileError> {
        let marks = Marks::read(directory)?;
        let mut plan = Self::default();
        let mut last_path: Arc<Path> = Arc::from(directory);
        entries::read(directory, &mut |found| {
            let entry = match found {
                Found::Entry(entry) => entry,
                Found::Damaged(damaged) => {
                    plan.damaged.push(damaged);
                    return true;
                }
                // Nobody was told that it is there: its record comes again by itself.
                Found::Torn(_) => return true,
            };
            if marks.ending(&entry).is_some() || !selects(&entry) {
                return true;
            }
            match target_of(&entry, configuration, other_target) {
                Ok(target) => {
                    if *last_path != *entry.path {
                        last_path = Arc::from(entry.path.as_path());
                    }
                    plan.targets.entry(target).or_default().push(Planned {
                        id: entry.id,
                        path: Arc::clone(&last_path),
                        length: entry.length,
                    });
                }
                Err(left) => *plan.left.entry(left).or_default() += 1,
            }
            true
        })?;
        Ok(plan)
    }

    /// Letters that are to be sent.
    pub fn letters(&self) -> u64 {
        self.targets.values().map(|letters| letters.len() as u64).sum()
    }
}

impl Left {
    /// What to do about it, as the end of a sentence about the letters.
    pub fn advice(&self) -> String {
        match self {
            Left::NoTarget => "name no target; say which one with `--target`".to_owned(),
            Left::UnknownTarget(name) => {
                format!(
                    "name target `{name}`, which is not in the configuration; say another one with `--target`"
                )
            }
            Left::GivenUp(name) => {
                format!("name target `{name}`, which is given up; take `given_up` out first")
            }
            Left::OtherHub(hub) => format!("come from hub `{hub}`; replay them with its configuration"),
            Left::OtherForm(name) => {
                format!("are kept only in the form for target `{name}`; leave `--target` out")
            }
        }
    }
}

/// Where a letter goes.
fn target_of(
    entry: &Entry,
    configuration: &Configuration,
    other_target: Option<&Arc<str>>,
) -> Result<Arc<str>, Left> {
    let letter = &entry.letter;
    let hub = &configuration.hub.hub;
    if !letter.namespace.eq_ignore_ascii_case(&hub.namespace) || !letter.hub.eq_ignore_ascii_case(&hub.name) {
        return Err(Left::OtherHub(format!("{}/{}", letter.namespace, letter.hub)));
    }
    let named = other_target.map(|name| &**name).or(letter.target.as_deref());
    let name = named.ok_or(Left::NoTarget)?;
    let target = find(configuration, name).ok_or_else(|| Left::UnknownTarget(name.to_owned()))?;
    if target.is_given_up {
        return Err(Left::GivenUp(name.to_owned()));
    }
    match &letter.target {
        Some(own) if letter.body.is_none() && letter.rendered.is_some() && **own != *target.name => {
            Err(Left::OtherForm(own.clone()))
        }
        _ => Ok(Arc::clone(&target.name)),
    }
}

fn find<'c>(configuration: &'c Configuration, name: &str) -> Option<&'c TargetConfiguration> {
    configuration.targets.iter().find(|target| &*target.name == name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::{NAMESPACE, configuration, letter};
    use super::*;
    use crate::deliver::dead_letter::done::{Mark, MarkWriter};
    use crate::deliver::dead_letter::{Ending, StoredLetter, frame};

    const TARGETS: &str = "soc: { file: { path: '/tmp/a' }, mapping: native }, \
        other: { file: { path: '/tmp/b' }, mapping: native }, \
        gone: { file: { path: '/tmp/c' }, mapping: native, given_up: true }";

    fn letters() -> Vec<StoredLetter> {
        let named = |target: &str| StoredLetter {
            target: Some(target.to_owned()),
            ..letter("alert", "refused", Some(b"{}"))
        };
        vec![
            named("soc"),
            named("soc"),
            named("gone"),
            named("renamed"),
            StoredLetter {
                target: None,
                ..letter("unknown", "unrouted_unknown", Some(b"{}"))
            },
            StoredLetter {
                rendered: Some("e30=".to_owned()),
                ..letter("alert", "refused", None)
            },
            StoredLetter {
                namespace: NAMESPACE.to_ascii_uppercase(),
                ..named("other")
            },
            StoredLetter {
                hub: "elsewhere".to_owned(),
                ..named("soc")
            },
        ]
    }

    fn plan(other_target: Option<&str>) -> Plan {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let configuration = configuration(directory.path(), TARGETS);
        let mut bytes = Vec::new();
        for letter in letters() {
            frame::append(&serde_json::to_vec(&letter).expect("it is JSON"), &mut bytes);
        }
        fs::write(directory.path().join("20260201T101530123.letters"), &bytes).expect("it is writable");
        let mut first = None;
        entries::read(directory.path(), &mut |found| {
            if let Found::Entry(entry) = found {
                first.get_or_insert(entry);
            }
            true
        })
        .expect("it can be read");
        let first = first.expect("there are letters");
        let done = Mark {
            id: first.id,
            crc32: first.crc32,
            ending: Ending::Delivered,
            target: None,
        };
        let mut marks = MarkWriter::open(directory.path()).expect("nobody has it");
        marks.append(&[done]).expect("it can be written");
        let other_target = other_target.map(Arc::from);
        Plan::make(directory.path(), &configuration, other_target.as_ref(), &|_| true)
            .expect("it can be read")
    }

    fn counts(plan: &Plan) -> Vec<(&str, usize)> {
        let targets = plan.targets.iter();
        targets
            .map(|(target, letters)| (&**target, letters.len()))
            .collect()
    }

    /// Scenario: letters of every fate, the first of which is done. Guarantees: each open one goes to the target it names or is
    /// left for its own reason; `--target` sends all but those of another hub, or in another form.
    #[test]
    fn each_letter_has_one_place() {
        let own = plan(None);
        assert_eq!(counts(&own), [("other", 1), ("soc", 2)]);
        let left: Vec<_> = own.left.iter().collect();
        assert_eq!(
            left,
            [
                (&Left::NoTarget, &1),
                (&Left::UnknownTarget("renamed".to_owned()), &1),
                (&Left::GivenUp("gone".to_owned()), &1),
                (&Left::OtherHub(format!("{NAMESPACE}/elsewhere")), &1),
            ]
        );
        let other = plan(Some("other"));
        assert_eq!(counts(&other), [("other", 5)]);
        let left: Vec<_> = other.left.iter().collect();
        assert_eq!(
            left,
            [
                (&Left::OtherHub(format!("{NAMESPACE}/elsewhere")), &1),
                (&Left::OtherForm("soc".to_owned()), &1),
            ]
        );
    }
}
