//! The cases of target kind `file`; the peer is a disk.

use std::path::Path;

use hub2siem::deliver::file::{self, Settings};
use hub2siem::event::Kind as RecordKind;
use hub2siem::telemetry::health::BlockReason;

use super::cases::{Case, Kind};
use super::stage::{Account, Stage};

pub const KIND: Kind = Kind {
    name: "file",
    success: Case::Run(|| Box::pin(success())),
    refused: Case::NotApplicable("a file takes every line"),
    retryable: Case::NotApplicable(
        "whatever keeps a file from being written blocks the target, see `blocked`",
    ),
    blocked: Case::Run(|| Box::pin(blocked())),
    oversize: Case::NotApplicable("a line may have any length"),
    drain: Case::Run(|| Box::pin(drain())),
    redelivery: Case::NotApplicable("a line is the record as its map writes it; the file adds no id"),
};

fn start(path: &Path) -> Stage {
    let settings = Settings {
        path: path.to_owned(),
        rotate: None,
    };
    Stage::start(|records, context| file::run(settings, records, context))
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    text.lines().map(str::to_owned).collect()
}

fn expected(count: i64) -> Vec<String> {
    (0..count)
        .map(|number| format!("{{\"number\":{number},\"text\":\"\"}}"))
        .collect()
}

async fn success() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("all.jsonl");
    let mut stage = start(&path);
    stage.send(20).await;
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(lines(&path), expected(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn blocked() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let obstacle = directory.path().join("out");
    std::fs::write(&obstacle, "in the way").expect("it can be written");
    let path = obstacle.join("all.jsonl");
    let mut stage = start(&path);
    stage.send(20).await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    let blocked = stage.health.blocked().expect("it is blocked");
    assert_eq!(blocked.reason, BlockReason::Storage);
    assert_eq!(stage.account().unsettled.len(), 20);
    std::fs::remove_file(&obstacle).expect("it can be removed");
    stage.until("delivered", |stage| stage.settled() == 20).await;
    assert_eq!(stage.health.blocked(), None);
    assert_eq!(lines(&path), expected(20));
    assert_eq!(stage.close().await, Account::delivered(20));
}

async fn drain() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("all.jsonl");
    let mut stage = start(&path);
    stage.send(300).await;
    assert_eq!(stage.close().await, Account::delivered(300));
    assert_eq!(lines(&path), expected(300));

    let mut stage = start(Path::new("/dev/full"));
    stage.send_one(RecordKind::Alert, "").await;
    stage
        .until("blocked", |stage| stage.health.blocked().is_some())
        .await;
    stage.abandon.cancel();
    let account = stage.close().await;
    assert_eq!((account.unsettled, account.delivered), (vec![0], vec![]));
}
