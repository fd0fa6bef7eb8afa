//! `checkpoint export`, and `import --from export`: from store to store.

use hub2siem::event::SequenceNumber;
use serde_json::Value;

use super::stage::{Stage, check};

const CONFIG: &str = "hub2siem.yaml";
const OTHER: &str = "other.yaml";
const IMPORT: [&str; 7] = [
    "import",
    "--from",
    "export",
    "--input",
    "export.jsonl",
    "--config",
    OTHER,
];

/// A stage whose checkpoints stand at 9 and 9 and are exported to a file, with another configuration beside it.
async fn exported() -> Stage {
    let stage = Stage::new(10).await;
    stage.deliver(CONFIG, &[("0", 0..10), ("1", 0..10)]).await;
    let ended = stage
        .checkpoint_verb(&["export", "--output", "export.jsonl"])
        .await;
    check(&ended, 0, &[]);
    assert_eq!(ended.output, "");
    stage.configure(OTHER, "file: { directory: ./other }");
    stage
}

fn numbers(numbers: [i64; 2]) -> Vec<(String, i64)> {
    let [first, second] = numbers;
    vec![("0".to_owned(), first), ("1".to_owned(), second)]
}

/// Scenario: positions move from one store to another; the import is tried dry, done, and done again.
/// Guarantees: dry it changes no byte; then the other store is as this one, a bridge goes on there without a repeat, and
/// again it changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_move_to_another_store() {
    let stage = exported().await;
    let before = stage.tree();
    let dry = [&IMPORT[..], &["--dry-run"]].concat();
    let ended = stage.checkpoint_verb(&dry).await;
    check(
        &ended,
        0,
        &[
            "0          9      -         import    export.jsonl, line 1",
            "nothing was changed",
        ],
    );
    assert_eq!(stage.tree(), before);
    check(
        &stage.checkpoint_verb(&IMPORT).await,
        0,
        &["2 positions imported"],
    );
    let read = |state| std::fs::read(stage.checkpoint(state, "1")).expect("it is there");
    assert_eq!(read("state"), read("other"));
    let before = stage.tree();
    let again = stage.checkpoint_verb(&IMPORT).await;
    check(&again, 0, &["keep", "it is the same", "0 positions imported"]);
    assert_eq!(stage.tree(), before);
    stage.append(3);
    stage.deliver(OTHER, &[("0", 10..13), ("1", 10..13)]).await;
}

/// Scenario: the other store is further than the export.
/// Guarantees: it stays; with `--overwrite` it goes back, which is said in events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_is_further_stays() {
    let stage = exported().await;
    stage.append(5);
    let set = ["set", "--partition", "0", "--latest", "--config", OTHER];
    check(&stage.checkpoint_verb(&set).await, 0, &[]);
    let ended = stage.checkpoint_verb(&IMPORT).await;
    check(
        &ended,
        0,
        &[
            "the existing position is 5 events further",
            "1 positions imported",
        ],
    );
    assert_eq!(stage.numbers(OTHER).await, numbers([14, 9]));
    let overwrite = [&IMPORT[..], &["--overwrite"]].concat();
    let ended = stage.checkpoint_verb(&overwrite).await;
    check(
        &ended,
        0,
        &["5 events before the existing position, which come again"],
    );
    assert_eq!(stage.numbers(OTHER).await, numbers([9, 9]));
}

/// Scenario: the export is further than the other store, and one target of it further still; then the other store is further.
/// Guarantees: what is skipped is said in events, and the target's own position comes along; what comes again comes for all
/// targets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_skipped_is_said_and_what_is_repeated_is_for_all() {
    let stage = exported().await;
    stage.append(5);
    let text = std::fs::read_to_string(stage.path("export.jsonl")).expect("it is there");
    let ahead = r#""targets":{"out":{"sequence_number":12,"offset":"49152"}}"#;
    stage.write("export.jsonl", &text.replacen(r#""targets":{}"#, ahead, 1));
    let targets = || {
        let text = std::fs::read_to_string(stage.checkpoint("other", "0")).expect("it is there");
        let checkpoint: Value = serde_json::from_str(&text).expect("it is JSON");
        checkpoint["targets"].clone()
    };
    let set = [
        "set",
        "--partition",
        "0",
        "--sequence-number",
        "4",
        "--config",
        OTHER,
    ];
    check(&stage.checkpoint_verb(&set).await, 0, &[]);
    let ended = stage.checkpoint_verb(&IMPORT).await;
    check(
        &ended,
        0,
        &["line 1: 5 events after the existing position are skipped, no target gets them"],
    );
    assert_eq!(stage.numbers(OTHER).await, numbers([9, 9]));
    assert_eq!(targets()["out"]["sequence_number"], 12);

    let set = ["set", "--partition", "0", "--latest", "--config", OTHER];
    check(&stage.checkpoint_verb(&set).await, 0, &[]);
    let overwrite = [&IMPORT[..], &["--overwrite"]].concat();
    check(
        &stage.checkpoint_verb(&overwrite).await,
        0,
        &["1 positions imported"],
    );
    assert_eq!(stage.numbers(OTHER).await, numbers([9, 9]));
    assert_eq!(targets(), serde_json::json!({}));
    stage.deliver(OTHER, &[("0", 10..15), ("1", 10..15)]).await;
}

/// Scenario: the event at a position is one that AMQP cannot carry; the position is imported, and in another store it is set.
/// Later it is the oldest event of the hub, and reading is to begin with it.
/// Guarantees: its number is taken, and that is said; the other partition is imported too, and a bridge goes on after both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_cannot_be_read_stops_no_import() {
    let stage = Stage::new(4).await;
    for partition in ["0", "1"] {
        let set = ["set", "--partition", partition, "--sequence-number", "3"];
        check(&stage.checkpoint_verb(&set).await, 0, &[]);
    }
    stage.append_broken(0);
    stage.append(3);
    let ended = stage.checkpoint_verb(&["export"]).await;
    let moved = [
        (r#""sequence_number":3"#, r#""sequence_number":4"#),
        (r#""offset":"12288""#, r#""offset":"16384""#),
    ];
    let export = moved
        .iter()
        .fold(ended.output, |text, (from, to)| text.replace(from, to));
    stage.write("export.jsonl", &export);
    stage.configure(OTHER, "file: { directory: ./other }");
    let said = "warning: partition 0: event 4 cannot be read, so that only its number is known";
    let ended = stage.checkpoint_verb(&IMPORT).await;
    check(&ended, 0, &[said, "2 positions imported"]);
    stage.deliver(OTHER, &[("0", 5..8), ("1", 5..7)]).await;

    let set = ["set", "--partition", "0", "--sequence-number", "4"];
    check(&stage.checkpoint_verb(&set).await, 0, &[said]);
    stage.deliver(CONFIG, &[("0", 5..8), ("1", 4..7)]).await;

    stage.hub.truncate(0, SequenceNumber(4));
    let set = ["set", "--partition", "0", "--earliest"];
    check(&stage.checkpoint_verb(&set).await, 0, &[]);
    stage.deliver(CONFIG, &[("0", 5..8)]).await;
}

/// Scenario: a torn line; then the hub is made anew after the export.
/// Guarantees: nothing is written unless what cannot be used is left out; 74 says that it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_stops_everything() {
    let stage = exported().await;
    let whole = std::fs::read_to_string(stage.path("export.jsonl")).expect("it is there");
    let torn = whole.trim_end().trim_end_matches('}');
    stage.write("export.jsonl", torn);
    let ended = stage.checkpoint_verb(&IMPORT).await;
    check(
        &ended,
        74,
        &["export.jsonl, line 2 cannot be read", "nothing was written"],
    );
    assert!(!stage.checkpoint("other", "0").exists());
    let skip = [&IMPORT[..], &["--skip-unusable"]].concat();
    check(&stage.checkpoint_verb(&skip).await, 0, &["1 positions imported"]);

    stage.write("export.jsonl", &whole);
    stage.hub.recreate_hub();
    stage.append(20);
    let ended = stage.checkpoint_verb(&IMPORT).await;
    check(&ended, 74, &["foreign", "it is of a hub made at"]);
    let offline = [&IMPORT[..], &["--offline"]].concat();
    check(
        &stage.checkpoint_verb(&offline).await,
        0,
        &["the hub was not asked", "it is the same"],
    );
}

/// Scenario: options that do not go together, files and lines that are not there, and a hub that is away.
/// Guarantees: each has the exit code of its kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_tell_what_happened() {
    let stage = exported().await;
    stage.write("empty.jsonl", "");
    for (arguments, code, said) in [
        (&["--from", "export"][..], 64, "needs `--input FILE`"),
        (&["--from", "go"], 64, "name the storage"),
        (&["--from", "go", "--input", "export.jsonl"], 64, "goes with"),
        (&["--from", "nobody"], 64, "possible values"),
        (
            &["--from", "export", "--input", "nowhere.jsonl"],
            74,
            "failed to read `nowhere.jsonl`",
        ),
        (
            &["--from", "export", "--input", "empty.jsonl"],
            64,
            "no position was found; no line",
        ),
        (
            &[
                "--from",
                "export",
                "--input",
                "export.jsonl",
                "--source-hub",
                "soc",
            ],
            64,
            "2 lines are of other hubs",
        ),
        (
            &[
                "--from",
                "go",
                "--connection-string-env",
                "NOT_SET",
                "--container",
                "old",
            ],
            64,
            "`NOT_SET` is not set",
        ),
        (
            &["--from", "go", "--container-url", "https://127.0.0.1/old?sv=1"],
            64,
            "no `sig=`",
        ),
    ] {
        let ended = stage.checkpoint_verb(&[&["import"], arguments].concat()).await;
        check(&ended, code, &[said]);
    }
    stage.hub.faults().refuse_connects(true);
    stage.hub.faults().drop_connections();
    let ended = stage.checkpoint_verb(&IMPORT).await;
    check(&ended, 69, &["failed to ask the hub"]);
}
