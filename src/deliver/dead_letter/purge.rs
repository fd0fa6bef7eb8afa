//! Removes files of dead letters all of which are done with, beside a running bridge.

use std::fs::{self, File};
use std::path::Path;

use super::done::{Mark, MarkWriter};
use super::{Ending, Entry, Found, Marks, entries};
use crate::durable::{FileError, directory, line_file};

/// What became of the files.
#[derive(Debug, Default)]
pub struct Purged {
    /// Files that were removed.
    pub removed: Vec<Purge>,
    /// Files that stay.
    pub kept: Vec<Purge>,
    /// Open letters that were discarded, in both.
    pub discarded: u64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Letters that are done with.
    pub done: u64,
    /// Letters that are open.
    pub open: u64,
    /// Places that cannot be read.
    pub damaged: u64,
    /// Whether a bridge writes it.
    pub is_in_use: bool,
}

/// What may go besides files that are done with.
pub struct Choice<'c> {
    /// Open letters that are discarded.
    pub discards: &'c dyn Fn(&Entry) -> bool,
    /// Whether damaged places keep no file.
    pub with_damaged: bool,
    /// Whether only to look what would be done.
    pub is_trial: bool,
}

/// Nothing more was removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The done marks cannot be written.
    #[error(transparent)]
    Marks(#[from] line_file::Error),
}

/// Discards what `choice` says, and removes the files whose letters are all done with. The one that a bridge writes stays.
/// Blocks. `marks` is that of the same directory; its lock keeps replays away.
pub fn purge(path: &Path, marks: &mut MarkWriter, choice: &Choice<'_>) -> Result<Purged, Error> {
    let known = Marks::read(path)?;
    let names = entries::file_names(path).map_err(|source| FileError::new("list", path, source))?;
    let mut purged = Purged::default();
    for name in names {
        purge_file(path, &name, &known, marks, choice, &mut purged)?;
    }
    if !purged.removed.is_empty() && !choice.is_trial {
        directory::sync(path).map_err(|source| FileError::new("bring to disk", path, source))?;
        marks.compact(path)?;
    }
    Ok(purged)
}

fn purge_file(
    directory: &Path,
    name: &str,
    known: &Marks,
    marks: &mut MarkWriter,
    choice: &Choice<'_>,
    purged: &mut Purged,
) -> Result<(), Error> {
    let path = directory.join(name);
    let error = |operation| {
        let path = path.clone();
        move |source| FileError::new(operation, &path, source)
    };
    // Held until it is removed. A bridge has the lock as long as it writes, and never writes a file again that it let go.
    let file = File::options()
        .read(true)
        .append(true)
        .open(&path)
        .map_err(error("open"))?;
    let is_in_use = file.try_lock().is_err();
    let mut found = Purge {
        name: name.to_owned(),
        bytes: file.metadata().map_err(error("ask the size of"))?.len(),
        done: 0,
        open: 0,
        damaged: 0,
        is_in_use,
    };
    let mut discarded = Vec::new();
    entries::read_file(&path, &mut |it| {
        match it {
            Found::Entry(entry) if known.ending(&entry).is_some() => found.done += 1,
            Found::Entry(entry) if (choice.discards)(&entry) => {
                found.done += 1;
                discarded.push(Mark {
                    id: entry.id,
                    crc32: entry.crc32,
                    ending: Ending::Discarded,
                    target: None,
                });
            }
            Found::Entry(_) => found.open += 1,
            Found::Damaged(_) => found.damaged += 1,
            Found::Torn(_) => {}
        }
        true
    })?;
    purged.discarded += discarded.len() as u64;
    let is_removed = !is_in_use && found.open == 0 && (found.damaged == 0 || choice.with_damaged);
    if !choice.is_trial {
        match is_removed {
            true => fs::remove_file(&path).map_err(error("remove"))?,
            false => marks.append(&discarded)?,
        }
    }
    match is_removed {
        true => purged.removed.push(found),
        false => purged.kept.push(found),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::segment::Segment;
    use super::super::tests::letter;
    use super::super::{frame, line};
    use super::*;
    use crate::event::Timestamp;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    /// A segment of these letters.
    fn segment(path: &Path, numbers: &[i64]) -> Segment {
        let names = entries::file_names(path).expect("it can be listed");
        let mut segment =
            Segment::begin(path, names.last().map(String::as_str), NOW).expect("it can be made");
        let (mut json, mut lines) = (Vec::new(), Vec::new());
        for number in numbers {
            json.clear();
            line::write(&letter(*number), &mut json);
            frame::append(&json, &mut lines);
        }
        segment.append(&lines).expect("it can be written");
        segment
    }

    /// Marks these letters as delivered.
    fn deliver(path: &Path, marks: &mut MarkWriter, numbers: &[i64]) {
        entries::read(path, &mut |found| {
            if let Found::Entry(entry) = found
                && numbers.contains(&entry.letter.sequence_number)
            {
                let mark = Mark {
                    id: entry.id.clone(),
                    crc32: entry.crc32,
                    ending: Ending::Delivered,
                    target: Some("soc".to_owned()),
                };
                marks.append(&[mark]).expect("it can be written");
            }
            true
        })
        .expect("it can be read");
    }

    fn open(path: &Path) -> Vec<i64> {
        let marks = Marks::read(path).expect("it can be read");
        let mut open = Vec::new();
        entries::read(path, &mut |found| {
            if let Found::Entry(entry) = found
                && marks.ending(&entry).is_none()
            {
                open.push(entry.letter.sequence_number);
            }
            true
        })
        .expect("it can be read");
        open
    }

    fn choice<'c>(discards: &'c dyn Fn(&Entry) -> bool, is_trial: bool) -> Choice<'c> {
        Choice {
            discards,
            with_damaged: false,
            is_trial,
        }
    }

    /// Scenario: a segment that is done, one that is not, and one that is done and being written; then one that was open
    /// is discarded. Guarantees: only whole segments that nobody writes go; what is open stays; a trial changes nothing;
    /// marks of what is gone go too.
    #[test]
    fn whole_segments_that_are_done() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        drop(segment(path, &[1, 2]));
        drop(segment(path, &[3, 4]));
        let written = segment(path, &[5]);
        let mut marks = MarkWriter::open(path).expect("nobody has it");
        deliver(path, &mut marks, &[1, 2, 3, 5]);
        let nothing = |_: &Entry| false;
        let before = entries::file_names(path).expect("it can be listed");
        let trial = purge(path, &mut marks, &choice(&nothing, true)).expect("it can be looked at");
        assert_eq!((trial.removed.len(), trial.kept.len()), (1, 2));
        assert_eq!(entries::file_names(path).expect("it can be listed"), before);

        let purged = purge(path, &mut marks, &choice(&nothing, false)).expect("it can be purged");
        let names = |files: &[Purge]| files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(&purged.removed), names(&purged.kept)),
            (vec![before[0].clone()], before[1..].to_vec())
        );
        assert_eq!((purged.kept[0].open, purged.kept[0].done), (1, 1));
        assert!(purged.kept[1].is_in_use);
        assert_eq!(open(path), [4]);

        drop(written);
        let fourth = |entry: &Entry| entry.letter.sequence_number == 4;
        let purged = purge(path, &mut marks, &choice(&fourth, false)).expect("it can be purged");
        assert_eq!(
            (purged.removed.len(), purged.kept.len(), purged.discarded),
            (2, 0, 1)
        );
        let left = std::fs::read(path.join("done.marks")).expect("it is there");
        assert!(left.is_empty(), "{left:?}");
    }

    /// Scenario: letters of a segment that is being written are discarded. Guarantees: they count as done, the others not.
    #[test]
    fn what_is_discarded_in_a_segment_that_stays_is_marked() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        let _written = segment(path, &[1, 2, 3]);
        let mut marks = MarkWriter::open(path).expect("nobody has it");
        let odd = |entry: &Entry| entry.letter.sequence_number % 2 == 1;
        let purged = purge(path, &mut marks, &choice(&odd, false)).expect("it can be purged");
        assert_eq!((purged.removed.len(), purged.discarded), (0, 2));
        assert_eq!(open(path), [2]);
        MarkWriter::open(path).expect_err("one at a time");
    }

    #[test]
    fn damage_keeps_a_file_unless_everything_is_to_go() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        drop(segment(path, &[1]));
        let name = &entries::file_names(path).expect("it can be listed")[0];
        let mut bytes = std::fs::read(path.join(name)).expect("it is there");
        bytes[40] ^= 1;
        std::fs::write(path.join(name), bytes).expect("it is writable");
        let mut marks = MarkWriter::open(path).expect("nobody has it");
        let everything = |_: &Entry| true;
        let purged = purge(path, &mut marks, &choice(&everything, false)).expect("it can be purged");
        assert_eq!((purged.removed.len(), purged.kept[0].damaged), (0, 1));
        let all = Choice {
            with_damaged: true,
            ..choice(&everything, false)
        };
        let purged = purge(path, &mut marks, &all).expect("it can be purged");
        assert_eq!(purged.removed.len(), 1);
    }
}
