use std::collections::BTreeMap;

use hub2siem::checkpoint::layout::{Checkpoint, TargetPosition};
use hub2siem::event::{Offset, PartitionId, SequenceNumber};

use crate::azurite::container::Blob;
use crate::azurite::{Azurite, Container, installed};
use crate::stage::{GROUP, checkpoint, claim, open, zero};

/// Scenario: into an account without the container, a process stores checkpoints, one of them twice, claims two
/// partitions and gives one up.
/// Guarantees: the container holds exactly the blobs of the layout, with its names, keys, kinds and lengths; a new process
/// reads what was stored, and a write replaces the metadata of the blob that is there and not the blob.
#[tokio::test]
async fn stands_there_byte_for_byte() {
    let Some(installed) = installed("the layout of checkpoints").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let container = Container::new(&azurite, "checkpoints");
    assert!(!container.exists().await);
    let settings = azurite.settings("checkpoints");
    let store = open(&settings, "host-1").await;
    assert!(container.exists().await);

    let two = PartitionId::new("2");
    let ahead = TargetPosition {
        sequence_number: SequenceNumber(20),
        offset: Offset::new("o20"),
    };
    let first = Checkpoint {
        targets: BTreeMap::from([("soc".to_owned(), ahead)]),
        ..checkpoint(7, 1_600_000_000_000)
    };
    let second = checkpoint(-1, 1_600_000_000_000);
    store
        .store(&zero(), &checkpoint(3, 1_600_000_000_000))
        .await
        .expect("it can be stored");
    let before = container.blob(&format!("{GROUP}/checkpoint/0")).await.etag;
    store.store(&zero(), &first).await.expect("it can be stored");
    store.store(&two, &second).await.expect("it can be stored");
    claim(&store, &zero()).await;
    claim(&store, &two).await;
    store.relinquish(&two).await.expect("it can be given up");

    let blobs = container.list().await;
    let seen: Vec<_> = blobs
        .iter()
        .map(|blob| (blob.name.as_str(), &blob.metadata))
        .collect();
    let metadata = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    };
    let created = ("hubcreatedat", "2020-09-13T12:26:40.000Z");
    let expected = [
        (
            format!("{GROUP}/checkpoint/0"),
            metadata(&[
                ("sequencenumber", "7"),
                ("offset", "o7"),
                ("enqueuedtimems", "1700000000007"),
                created,
                (
                    "targetpositions",
                    r#"{"soc":{"sequence_number":20,"offset":"o20"}}"#,
                ),
            ]),
        ),
        (
            format!("{GROUP}/checkpoint/2"),
            metadata(&[
                ("sequencenumber", "-1"),
                ("offset", "o-1"),
                ("enqueuedtimems", "1699999999999"),
                created,
            ]),
        ),
        (format!("{GROUP}/ownership/0"), metadata(&[("ownerid", "host-1")])),
        (format!("{GROUP}/ownership/2"), metadata(&[("ownerid", "")])),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, metadata)| (name.as_str(), metadata))
        .collect();
    assert_eq!(seen, expected);
    let is_empty_block = |blob: &Blob| blob.blob_type == "BlockBlob" && blob.length == "0";
    assert!(blobs.iter().all(is_empty_block), "{blobs:?}");
    assert_ne!(
        container.blob(&format!("{GROUP}/checkpoint/0")).await.etag,
        before
    );

    let other = open(&settings, "host-2").await;
    let all = other.load_all().await.expect("it can be read");
    assert_eq!(all, BTreeMap::from([(zero(), first.clone()), (two, second)]));
    assert_eq!(other.load(&zero()).await.expect("it can be read"), Some(first));
    assert_eq!(
        other.load(&PartitionId::new("1")).await.expect("it can be read"),
        None
    );
}

/// Scenario: more targets are ahead than the service takes metadata for. Guarantees: the write is taken all the same, and
/// what it holds is read again.
#[tokio::test]
async fn never_writes_more_than_the_service_takes() {
    let Some(installed) = installed("checkpoints with many targets").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    let targets = (0..200).map(|number| {
        let position = TargetPosition {
            sequence_number: SequenceNumber(1000 + number),
            offset: Offset::new(format!("{}", 4096 * number)),
        };
        (format!("target-{number}-\u{e9}\u{1f600}"), position)
    });
    let stored = Checkpoint {
        targets: targets.collect(),
        ..checkpoint(7, 1)
    };
    store.store(&zero(), &stored).await.expect("the service takes it");
    let read = store
        .load(&zero())
        .await
        .expect("it can be read")
        .expect("it is there");
    assert_eq!(read.sequence_number, stored.sequence_number);
    assert!(read.targets.len() > 20, "{}", read.targets.len());
    assert!(
        read.targets
            .values()
            .all(|position| position.sequence_number.0 >= 1100)
    );
}
