//! The memories on real files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::remembered::Content;
use super::super::{Keeper, LastDelivered};
use super::*;
use crate::telemetry::Metrics;

fn keeper(directory: &Path, targets: &[&str]) -> Result<Keeper, Error> {
    let targets: Vec<_> = targets
        .iter()
        .map(|target| Remembering {
            name: Arc::from(*target),
            settled_until: None,
        })
        .collect();
    Keeper::open(directory, &targets, 1000, &Metrics::new())
}

fn open(directory: &Path, targets: &[&str]) -> Keeper {
    keeper(directory, targets).expect("the file can be opened")
}

fn content(number: u8) -> Content {
    Content {
        fingerprint: [number; 16],
        percentage: None,
    }
}

fn deliver(memory: &Arc<LastDelivered>, item: &str, millis: i64, number: Option<u8>) {
    let update = memory.begin_if(
        ItemKey::new(item),
        Timestamp::from_millis(millis),
        number.map(content),
        |_| true,
    );
    update.expect("it is wanted").delivered();
}

fn known(keeper: &Keeper, target: &str, item: &str) -> Option<Content> {
    let memory = keeper.target(target).expect("the target has a memory");
    let mut known = None;
    let asked = memory.begin_if(
        ItemKey::new(item),
        Timestamp::from_millis(i64::MAX),
        None,
        |last| {
            known = last;
            false
        },
    );
    assert!(asked.is_none());
    known
}

/// Scenario: two targets deliver; what changed is written; one more is delivered and not written; another process
/// starts.
/// Guarantees: it knows what was written, for each target apart, and that a Delete removed an item.
#[tokio::test]
async fn what_was_written_survives() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    {
        let keeper = open(directory.path(), &["soc", "archive"]);
        let soc = keeper.target("soc").expect("it has a memory");
        deliver(soc, "a", 1, Some(1));
        deliver(soc, "b", 1, Some(2));
        deliver(soc, "gone", 1, Some(3));
        keeper.flush().await.expect("it can be written");
        deliver(soc, "gone", 2, None);
        deliver(
            keeper.target("archive").expect("it has a memory"),
            "a",
            5,
            Some(9),
        );
        keeper.flush().await.expect("it can be written");
        keeper.flush().await.expect("nothing to write is no error");
        deliver(soc, "late", 3, Some(4));
    }
    let keeper = open(directory.path(), &["soc", "archive"]);
    assert_eq!(known(&keeper, "soc", "a"), Some(content(1)));
    assert_eq!(known(&keeper, "soc", "b"), Some(content(2)));
    assert_eq!(known(&keeper, "soc", "gone"), None);
    assert_eq!(known(&keeper, "soc", "late"), None);
    assert_eq!(known(&keeper, "archive", "a"), Some(content(9)));
    assert_eq!(known(&keeper, "archive", "b"), None);
}

/// Scenario: a target stops comparing snapshots for a while, alone or as the last one.
/// Guarantees: what it knew is gone when it starts again: nobody noted what it delivered meanwhile.
#[tokio::test]
async fn a_target_that_did_not_note_starts_empty() {
    for meanwhile in [&["archive"][..], &[]] {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        {
            let keeper = open(directory.path(), &["soc", "archive"]);
            deliver(keeper.target("soc").expect("it has a memory"), "a", 1, Some(1));
            deliver(
                keeper.target("archive").expect("it has a memory"),
                "a",
                1,
                Some(1),
            );
            keeper.flush().await.expect("it can be written");
        }
        drop(open(directory.path(), meanwhile));
        let keeper = open(directory.path(), &["soc", "archive"]);
        assert_eq!(known(&keeper, "soc", "a"), None);
        assert_eq!(known(&keeper, "archive", "a").is_some(), !meanwhile.is_empty());
    }
}

/// Scenario: a target begins to compare snapshots after its group has settled events; then records come again that were
/// not settled, older than those that were; the bridge is started once more.
/// Guarantees: they are not remembered, since newer ones may have been delivered that nobody noted; newer ones are.
#[tokio::test]
async fn what_came_before_the_memory_is_not_remembered() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let start = |settled_until: i64| {
        let target = Remembering {
            name: "soc".into(),
            settled_until: Some(Timestamp::from_millis(settled_until)),
        };
        Keeper::open(directory.path(), &[target], 1000, &Metrics::new()).expect("it can be opened")
    };
    let note = |keeper: &Keeper| {
        let memory = keeper.target("soc").expect("it has a memory");
        deliver(memory, "older", 10, Some(1));
        deliver(memory, "newer", 11, Some(1));
    };
    let keeper = start(10);
    note(&keeper);
    keeper.flush().await.expect("it can be written");
    assert_eq!(known(&keeper, "soc", "older"), None);
    assert_eq!(known(&keeper, "soc", "newer"), Some(content(1)));
    drop(keeper);
    let keeper = start(90);
    note(&keeper);
    assert_eq!(known(&keeper, "soc", "older"), None, "after a restart");
    assert_eq!(
        known(&keeper, "soc", "newer"),
        Some(content(1)),
        "what is in the file counts"
    );
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let first = open(directory.path(), &["soc"]);
    let error = keeper(directory.path(), &["other"]).expect_err("it is in use");
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    open(directory.path(), &[]);
    assert!(
        directory.path().join(NAME).exists(),
        "the file of another process stays"
    );
    drop(first);
    open(directory.path(), &["soc"]);
}

/// Scenario: the file is cut, overwritten, foreign, or of another layout.
/// Guarantees: it is put aside under its name for damaged files, and the memory starts empty and works.
#[tokio::test]
async fn a_damaged_file_is_put_aside() {
    let whole = tempfile::tempdir().expect("a temporary directory can be made");
    {
        let keeper = open(whole.path(), &["soc"]);
        for number in 0..200 {
            deliver(
                keeper.target("soc").expect("it has a memory"),
                &format!("item {number}"),
                1,
                Some(1),
            );
        }
        keeper.flush().await.expect("it can be written");
    }
    let bytes = fs::read(whole.path().join(NAME)).expect("it can be read");
    let mut overwritten = bytes.clone();
    overwritten[64..4096].fill(0xff);
    let mut zeros = bytes.clone();
    zeros[..512].fill(0);
    let cases = [
        ("text", b"this is no database".to_vec()),
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        ("cut in its head", bytes[..100].to_vec()),
        ("overwritten", overwritten),
        ("zeros", zeros),
        ("another layout", foreign()),
    ];
    for (name, content) in cases {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        fs::write(directory.path().join(NAME), &content).expect("it can be written");
        let keeper = open(directory.path(), &["soc"]);
        assert_eq!(known(&keeper, "soc", "item 7"), None, "{name}");
        assert!(directory.path().join(DAMAGED_NAME).exists(), "{name}");
        deliver(keeper.target("soc").expect("it has a memory"), "a", 1, Some(1));
        keeper.flush().await.expect("it can be written");
        drop(keeper);
        let keeper = open(directory.path(), &["soc"]);
        assert!(known(&keeper, "soc", "a").is_some(), "{name}");
    }
}

/// A database whose table of this name holds something else.
fn foreign() -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("foreign");
    let database = Database::create(&path).expect("it can be made");
    let write = database.begin_write().expect("it can be written");
    write
        .open_table(TableDefinition::<'_, u64, &str>::new("1:soc"))
        .expect("it can be made")
        .insert(1, "x")
        .expect("it can be written");
    write.commit().expect("it can be written");
    drop(database);
    fs::read(path).expect("it can be read")
}

#[test]
fn a_directory_that_cannot_be_written_is_no_damage() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let blocked = directory.path().join("file");
    fs::write(&blocked, "x").expect("it can be written");
    let error = keeper(&blocked, &["soc"]).expect_err("a file is no directory");
    assert!(matches!(error, Error::Io(_)), "{error}");
    fs::create_dir(directory.path().join(NAME)).expect("it can be made");
    let error = keeper(directory.path(), &["soc"]).expect_err("a directory is no file");
    assert!(matches!(error, Error::Database { .. }), "{error}");
    assert!(!directory.path().join(DAMAGED_NAME).exists());
}
