//! `checkpoint import` from the blobs of other consumers, in a real blob store.

use hub2siem::event::Timestamp;

use super::azurite::{Azurite, Container, installed};
use super::stage::{Ended, Stage, check};

const CONFIG: &str = "hub2siem.yaml";
const UNTESTED: &str = "import from the blobs of other consumers";
/// Where the connection string of the storage is.
const VARIABLE: &str = "OLD_STORAGE";

/// A hub of ten events a partition, and a blob store.
struct Scene {
    stage: Stage,
    azurite: Azurite,
}

impl Scene {
    async fn new() -> Option<Self> {
        let installed = installed(UNTESTED).await?;
        Some(Self {
            stage: Stage::new(10).await,
            azurite: Azurite::start(&installed).await,
        })
    }

    async fn container(&self, name: &str) -> Container {
        let container = Container::new(&self.azurite, name);
        container.create().await;
        container
    }

    async fn import(&self, from: &str, container: Option<&str>, more: &[&str]) -> Ended {
        let mut arguments = vec!["import", "--from", from, "--connection-string-env", VARIABLE];
        arguments.extend(container.iter().flat_map(|name| ["--container", *name]));
        arguments.extend(more);
        let connection_string = self.azurite.connection_string();
        self.stage
            .verb(&arguments, &[(VARIABLE, &connection_string)])
            .await
    }
}

/// What EventProcessorHost writes.
fn lease(number: i64) -> String {
    let offset = number * 4096;
    format!(
        "\u{feff}{{\"PartitionId\":\"0\",\"Owner\":\"host-1\",\"Token\":\"5c1f\",\"Epoch\":386,\"Offset\":\"{offset}\",\"SequenceNumber\":{number}}}"
    )
}

/// What the first client for Go writes.
fn golang(number: i64) -> String {
    let offset = number * 4096;
    format!(
        r#"{{"partitionID":"0","epoch":3,"owner":"a","checkpoint":{{"offset":"{offset}","sequenceNumber":{number},"enqueueTime":"2026-03-01T08:00:00Z"}},"state":"available","token":""}}"#
    )
}

/// Scenario: each program left the positions 4 and 6 in its layout; they are imported, and a bridge starts.
/// Guarantees: a dry run changes no byte here and no blob there; the bridge delivers exactly what comes after; importing
/// once more changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bridge_goes_on_where_each_program_stopped() {
    let Some(scene) = Scene::new().await else { return };
    let typed = format!("{}/Defender/$Default", scene.stage.hub.address());
    let metadata = |number: i64| (number.to_string(), (number * 4096).to_string());
    for (from, container, prefix, body) in [
        (
            "functions",
            "azure-webjobs-eventhub",
            format!("{typed}/"),
            Some(lease as fn(i64) -> String),
        ),
        ("eph", "leases", "$Default/".to_owned(), Some(lease)),
        ("go", "golang", String::new(), Some(golang)),
        ("filebeat", "filebeat-one", String::new(), Some(golang)),
        ("filebeat", "filebeat-two", format!("{typed}/checkpoint/"), None),
        (
            "dapr",
            "dapr-one",
            "dapr-Defender-$Default-".to_owned(),
            Some(golang),
        ),
        ("as-typed", "typed", format!("{typed}/checkpoint/"), None),
        (
            "as-typed",
            "lower",
            format!("{}/checkpoint/", typed.to_lowercase()),
            None,
        ),
    ] {
        let blobs = scene.container(container).await;
        for (partition, number) in [("0", 4), ("1", 6)] {
            let name = format!("{prefix}{partition}");
            match body {
                Some(body) => blobs.put_body(&name, body(number).into_bytes()).await,
                None => {
                    let (number, offset) = metadata(number);
                    blobs
                        .put(&name, &[("sequencenumber", &number), ("offset", &offset)])
                        .await;
                }
            }
        }
        blobs
            .put_body("readme.txt", b"what else lies there".to_vec())
            .await;
        // A container that the program always uses need not be named.
        let named = (from != "functions").then_some(container);
        let _ = std::fs::remove_dir_all(scene.stage.path("state"));
        let (here, there) = (scene.stage.tree(), blobs.list().await);
        let ended = scene.import(from, named, &["--dry-run"]).await;
        check(
            &ended,
            0,
            &[&format!("{prefix}0"), "import", "nothing was changed"],
        );
        assert_eq!(scene.stage.tree(), here, "{from}");
        let ended = scene.import(from, named, &[]).await;
        check(&ended, 0, &["2 positions imported"]);
        assert_eq!(blobs.list().await, there, "{from}");
        let listed = scene.stage.listed(CONFIG).await;
        assert_eq!(listed["1"]["offset"], "24576", "{from}: {listed:?}");
        assert_eq!(listed["1"]["enqueued_time"], "2026-03-01T08:00:06.000Z");
        assert!(listed["1"]["hub_created_at"].is_string(), "{from}: {listed:?}");
        let imported = scene.stage.tree();
        let ended = scene.import(from, named, &[]).await;
        check(&ended, 0, &["it is the same", "0 positions imported"]);
        assert_eq!(scene.stage.tree(), imported, "{from}");
        scene.stage.deliver(CONFIG, &[("0", 5..10), ("1", 7..10)]).await;
    }
}

/// Scenario: positions with an offset only, with a number only, from before anything was settled, torn, of a hub that
/// was deleted, and of an event that AMQP cannot carry.
/// Guarantees: the hub tells what is missing; nothing settled is nothing found; what cannot be used is named with its blob
/// and stops everything, with 74, until it is left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_asked_for_and_what_is_broken_is_named() {
    let Some(scene) = Scene::new().await else { return };
    let blobs = scene.container("leases").await;
    let put = async |partition: &str, body: &str| {
        blobs
            .put_body(&format!("$Default/{partition}"), body.as_bytes().to_vec())
            .await;
    };
    put("0", r#"{"Offset":"16384","SequenceNumber":null}"#).await;
    put("1", r#"{"partition_id":"1","sequence_number":"6","offset":null}"#).await;
    check(
        &scene
            .import("eph", Some("leases"), &["--offline", "--dry-run"])
            .await,
        74,
        &["needs hub", "an offset and no sequence number"],
    );
    check(
        &scene.import("eph", Some("leases"), &[]).await,
        0,
        &["2 positions imported"],
    );
    scene.stage.deliver(CONFIG, &[("0", 5..10), ("1", 7..10)]).await;

    std::fs::remove_dir_all(scene.stage.path("state")).expect("it is there");
    put("0", "{\"Offset\":\"163").await;
    for (body, said) in [
        (lease(10), "event 10 is not in this hub, whose newest is 9"),
        (
            lease(6).replace("24576", "24577"),
            "has offset 24576 in this hub, and not 24577",
        ),
        (
            r#"{"Offset":"24577","SequenceNumber":null}"#.to_owned(),
            "offset 24577 is not in this hub",
        ),
        (lease(6), "its body is no JSON"),
    ] {
        put("1", &body).await;
        let ended = scene.import("eph", Some("leases"), &[]).await;
        check(
            &ended,
            74,
            &["$Default/0: its body is no JSON", said, "nothing was written"],
        );
        assert!(scene.stage.listed(CONFIG).await.is_empty());
    }
    let hours = |hours: i64| Timestamp::from_millis(Timestamp::now().as_millis() + hours * 3_600_000);
    scene.stage.hub.pretend_created_at(hours(1));
    put("0", &lease(6)).await;
    let ended = scene.import("eph", Some("leases"), &[]).await;
    check(
        &ended,
        74,
        &[
            "$Default/0: it is of a hub that was there at",
            "this one was made at",
        ],
    );
    scene.stage.hub.pretend_created_at(hours(-1));
    put("0", "{\"Offset\":\"163").await;
    let skip = scene.import("eph", Some("leases"), &["--skip-unusable"]).await;
    check(&skip, 0, &["1 positions imported"]);
    assert_eq!(scene.stage.numbers(CONFIG).await, [("1".to_owned(), 6)]);

    put(
        "0",
        r#"{"PartitionId":"0","Owner":"","Offset":null,"SequenceNumber":0}"#,
    )
    .await;
    let ended = scene.import("eph", Some("leases"), &[]).await;
    check(&ended, 0, &["nothing found", "it is read from its oldest event"]);
    scene.stage.deliver(CONFIG, &[("0", 0..10), ("1", 7..10)]).await;

    scene.stage.append_broken(0);
    scene.stage.append(1);
    put("0", r#"{"Offset":"40960","SequenceNumber":null}"#).await;
    let ended = scene.import("eph", Some("leases"), &[]).await;
    check(
        &ended,
        74,
        &[
            "$Default/0: the event there cannot be read",
            "only the event tells its number",
            "`checkpoint set --partition 0 --sequence-number` takes it",
        ],
    );
}

/// Scenario: blobs that differ only in case; a lease that is held; a container and a storage that are not there.
/// Guarantees: nothing is guessed, a consumer that runs is told, and each failure has its exit code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_not_clear_is_told() {
    let Some(mut scene) = Scene::new().await else {
        return;
    };
    let blobs = scene.container("typed").await;
    for (hub, number) in [("Defender", "4"), ("defender", "7")] {
        let name = format!("{}/{hub}/$Default/checkpoint/0", scene.stage.hub.address());
        blobs
            .put(&name, &[("sequencenumber", number), ("offset", "no offset")])
            .await;
    }
    let ended = scene.import("as-typed", Some("typed"), &[]).await;
    check(&ended, 74, &["differ only in case", "--source-hub"]);
    let exact = ["--source-hub", "Defender"];
    check(
        &scene.import("as-typed", Some("typed"), &exact).await,
        0,
        &["1 positions imported"],
    );
    assert_eq!(scene.stage.numbers(CONFIG).await, [("0".to_owned(), 4)]);

    let leases = scene.container("leases").await;
    leases.put_body("$Default/1", lease(6).into_bytes()).await;
    leases.lease("$Default/1").await;
    let ended = scene.import("eph", Some("leases"), &["--dry-run"]).await;
    check(
        &ended,
        0,
        &["the other consumer seems to run, because it holds partitions 1"],
    );

    let ended = scene.import("go", Some("leases"), &[]).await;
    check(&ended, 64, &["no position was found; blobs such as `0`"]);
    let ended = scene.import("go", Some("nowhere"), &[]).await;
    check(&ended, 69, &["ContainerNotFound"]);
    scene.azurite.stop().await;
    let ended = scene.import("eph", Some("leases"), &[]).await;
    check(&ended, 69, &["cannot be reached"]);
}
