//! The verbs over `checkpoint.blob`.

use super::azurite::{Azurite, Container, container_signature, installed};
use super::stage::{Stage, check, reached};

const FILE: &str = "hub2siem.yaml";
const BLOB: &str = "blob.yaml";

/// A hub of ten events a partition, a blob store, and a configuration for each kind of store.
async fn scene(untested: &str) -> Option<(Stage, Azurite)> {
    let installed = installed(untested).await?;
    let stage = Stage::new(10).await;
    let azurite = Azurite::start(&installed).await;
    stage.write("storage", &azurite.connection_string());
    stage.configure(
        BLOB,
        "blob: { connection_string: { file: ./storage }, container: positions, interval: 10s, expiry: 60s }",
    );
    Some((stage, azurite))
}

fn numbers(first: i64, second: i64) -> Vec<(String, i64)> {
    vec![("0".to_owned(), first), ("1".to_owned(), second)]
}

/// Scenario: positions move from files to blobs and back.
/// Guarantees: looking makes no container; what was moved is the same, and a bridge goes on after it on either side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_move_between_files_and_blobs() {
    let Some((stage, azurite)) = scene("moving positions between files and blobs").await else {
        return;
    };
    let container = Container::new(&azurite, "positions");
    stage.deliver(FILE, &[("0", 0..10), ("1", 0..10)]).await;
    let export = ["export", "--output", "export.jsonl", "--config", FILE];
    check(&stage.checkpoint_verb(&export).await, 0, &[]);

    let import = [
        "import",
        "--from",
        "export",
        "--input",
        "export.jsonl",
        "--config",
        BLOB,
    ];
    check(
        &stage.checkpoint_verb(&["list", "--config", BLOB]).await,
        0,
        &["no checkpoint"],
    );
    let dry = [&import[..], &["--dry-run"]].concat();
    check(&stage.checkpoint_verb(&dry).await, 0, &["nothing was changed"]);
    assert!(!container.exists().await, "who looks makes nothing");
    check(
        &stage.checkpoint_verb(&import).await,
        0,
        &["2 positions imported"],
    );
    check(
        &stage.checkpoint_verb(&import).await,
        0,
        &["0 positions imported"],
    );
    let exported = stage.checkpoint_verb(&["export", "--config", BLOB]).await;
    let before = std::fs::read_to_string(stage.path("export.jsonl")).expect("it is there");
    assert_eq!(exported.output, before);
    stage.append(3);
    stage.deliver(BLOB, &[("0", 10..13), ("1", 10..13)]).await;

    let export = ["export", "--output", "export.jsonl", "--config", BLOB];
    check(&stage.checkpoint_verb(&export).await, 0, &[]);
    let back = [
        "import",
        "--from",
        "export",
        "--input",
        "export.jsonl",
        "--config",
        FILE,
    ];
    check(&stage.checkpoint_verb(&back).await, 0, &["2 positions imported"]);
    assert_eq!(stage.numbers(FILE).await, numbers(12, 12));
    stage.append(2);
    stage.deliver(FILE, &[("0", 13..15), ("1", 13..15)]).await;
}

/// Scenario: a bridge owns the partitions; positions are listed, and moved beside it and after it.
/// Guarantees: owners are listed; who would write is refused with 74 while an owner is active, unless that is wanted; the
/// partitions are free afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_active_owner_keeps_its_positions() {
    let Some((stage, azurite)) = scene("positions in a container in use").await else {
        return;
    };
    let bridge = stage.bridge(BLOB);
    assert!(
        reached(|| stage.delivered().len() == 20).await,
        "{}",
        bridge.log()
    );
    stage.stored(BLOB, [9, 9]).await;
    let listed = stage.listed(BLOB).await;
    assert!(listed["0"]["owner"].is_string(), "{listed:?}");
    assert!(listed["0"]["age_seconds"].is_number(), "{listed:?}");
    let set = [
        "set",
        "--partition",
        "0",
        "--sequence-number",
        "4",
        "--config",
        BLOB,
    ];
    check(
        &stage.checkpoint_verb(&set).await,
        74,
        &["is owned by", "--despite-owner"],
    );
    assert_eq!(stage.numbers(BLOB).await, numbers(9, 9));
    bridge.stop().await;
    let despite = [&set[..], &["--despite-owner"]].concat();
    check(
        &stage.checkpoint_verb(&despite).await,
        0,
        &["5 events come again"],
    );
    assert_eq!(stage.numbers(BLOB).await, numbers(4, 9));
    let container = Container::new(&azurite, "positions");
    let name = "/defender/$default/ownership/0";
    let ownerships = container.list().await;
    let ownership = ownerships.iter().find(|blob| blob.name.ends_with(name));
    let ownership = ownership.unwrap_or_else(|| panic!("no {name} in {ownerships:?}"));
    assert_eq!(ownership.metadata.get("ownerid").map(String::as_str), Some(""));
}

/// Scenario: a client with names as typed left positions in the container that the bridge uses; they are imported, by a
/// signature, after the bridge has made its own beside them.
/// Guarantees: our own blobs are no source, the other's are, and no part of the signature is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_blobs_are_no_source() {
    let Some((stage, azurite)) = scene("importing within a container").await else {
        return;
    };
    let container = Container::new(&azurite, "positions");
    container.create().await;
    for (partition, number) in [("0", "4"), ("1", "6")] {
        let group = format!("{}/Defender/$Default", stage.hub.address());
        let name = format!("{group}/checkpoint/{partition}");
        container
            .put(&name, &[("sequencenumber", number), ("offset", "")])
            .await;
    }
    stage.deliver(BLOB, &[("0", 5..10), ("1", 7..10)]).await;
    let signature = container_signature("positions", "rl");
    let url = format!("{}?{signature}", azurite.container_url("positions"));
    let mut import = vec!["import", "--from", "as-typed", "--container-url", &url];
    import.extend(["--despite-owner", "--config", BLOB]);
    let ended = stage.checkpoint_verb(&import).await;
    check(
        &ended,
        0,
        &["Defender/$Default/checkpoint/0: the existing position is 5 events further"],
    );
    assert!(!format!("{ended:?}").contains("sig="), "{ended:?}");
    import.push("--overwrite");
    check(
        &stage.checkpoint_verb(&import).await,
        0,
        &["5 events before the existing position"],
    );
    assert_eq!(stage.numbers(BLOB).await, numbers(4, 6));
    let name = format!("{}/defender/$default/ownership/0", stage.hub.address());
    assert_eq!(
        container
            .blob(&name)
            .await
            .metadata
            .get("ownerid")
            .map(String::as_str),
        Some(""),
        "the partitions are free afterwards"
    );
}
