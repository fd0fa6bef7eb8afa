//! A bridge at work, and the verbs beside it.

use super::stage::{Stage, check, reached};

const CONFIG: &str = "hub2siem.yaml";

/// Scenario: a bridge reads; its checkpoints are listed and exported, moved and imported beside it.
/// Guarantees: whoever only looks gets the stored positions and disturbs nothing; whoever would write is refused with 74,
/// whoever would read its group with 69, and nothing changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_bridge_is_left_in_peace() {
    let stage = Stage::new(10).await;
    let bridge = stage.bridge(CONFIG);
    assert!(
        reached(|| stage.delivered().len() == 20).await,
        "{}",
        bridge.log()
    );
    let stored = || ["0", "1"].map(|partition| stage.checkpoint("state", partition).exists());
    assert!(reached(|| stored() == [true, true]).await, "{}", bridge.log());
    stage.stored(CONFIG, [9, 9]).await;
    let list = stage.checkpoint_verb(&["list"]).await;
    check(&list, 0, &["consumer group $Default, directory ", "36864"]);
    assert_eq!(list.output.lines().count(), 4, "{list:?}");
    let export = stage.checkpoint_verb(&["export"]).await;
    check(&export, 0, &[r#""consumer_group":"$Default","partition":"1""#]);
    assert_eq!(export.output.lines().count(), 2, "{export:?}");

    stage.write("export.jsonl", &export.output);
    let import = ["import", "--from", "export", "--input", "export.jsonl"];
    let set = ["set", "--partition", "0", "--earliest"];
    for arguments in [&import[..], &set] {
        let ended = stage.checkpoint_verb(arguments).await;
        check(&ended, 74, &["in use by another process"]);
    }
    let before = stage.tree();
    let dry = ["set", "--partition", "0", "--sequence-number", "3", "--dry-run"];
    let ended = stage.checkpoint_verb(&dry).await;
    check(&ended, 69, &["consumer group `$Default` is being read"]);
    let dry = ["set", "--partition", "0", "--latest", "--dry-run"];
    check(&stage.checkpoint_verb(&dry).await, 0, &["nothing was changed"]);
    assert_eq!(stage.tree(), before);

    stage.append(5);
    assert!(
        reached(|| stage.delivered().len() == 30).await,
        "{}",
        bridge.log()
    );
    assert!(!bridge.log().contains("detached"), "{}", bridge.log());
    bridge.stop().await;
    stage.stored(CONFIG, [14, 14]).await;
}
