use hub2siem::checkpoint::blob::Error;
use hub2siem::event::{PartitionId, SequenceNumber};

use crate::azurite::{Azurite, Container, installed};
use crate::stage::{GROUP, checkpoint, open, zero};

const AS_TYPED: &str = "contoso.servicebus.windows.net/Defender/$Default";

/// Scenario: consumers of several makes wrote checkpoints: with keys in another case, with further keys, without offset,
/// without number. Guarantees: each is understood, and nothing else in the container is taken for a checkpoint.
#[tokio::test]
async fn reads_what_others_wrote() {
    let Some(installed) = installed("checkpoints of other consumers").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    let container = Container::new(&azurite, "checkpoints");
    for (partition, metadata) in [
        (
            "0",
            &[
                ("SequenceNumber", "5"),
                ("Offset", "1024"),
                ("ClientIdentifier", "x"),
            ][..],
        ),
        ("1", &[("sequencenumber", "6"), ("offset", "no offset")]),
        ("2", &[("sequencenumber", ""), ("offset", "geo:2048")]),
        ("3/notes", &[("a", "b")]),
    ] {
        container
            .put(&format!("{GROUP}/checkpoint/{partition}"), metadata)
            .await;
    }
    container
        .put(&format!("{GROUP}/ownership/0"), &[("OwnerId", "Someone")])
        .await;
    let all = store.load_all().await.expect("they can be read");
    let seen: Vec<_> = all
        .iter()
        .map(|(partition, checkpoint)| {
            (
                partition.as_str(),
                checkpoint.sequence_number,
                checkpoint.offset.as_str(),
            )
        })
        .collect();
    let expected = [
        ("0", SequenceNumber(5), "1024"),
        ("1", SequenceNumber(6), ""),
        ("2", SequenceNumber::UNKNOWN, "geo:2048"),
    ];
    assert_eq!(seen, expected);
    for partition in ["0", "1", "2"].map(PartitionId::new) {
        assert_eq!(
            store.load(&partition).await.expect("it can be read").as_ref(),
            all.get(&partition)
        );
    }
    let listing = store.list_ownership().await.expect("they can be listed");
    for checkpoint in all.values() {
        let stored_at = checkpoint
            .stored_at
            .expect("nothing else tells of which hub it is");
        let age = listing.server_time.millis_since(stored_at);
        assert!((0..60_000).contains(&age), "{age}");
    }
    assert_eq!(listing.ownerships.len(), 1);
    assert_eq!(listing.ownerships[0].owner_id, "Someone");
}

/// Scenario: the metadata of a checkpoint was lost, as a consumer's bug once did. Guarantees: it is an error that names the
/// blob, not a start from the beginning.
#[tokio::test]
async fn lost_metadata_is_no_fresh_start() {
    let Some(installed) = installed("a checkpoint without metadata").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    let container = Container::new(&azurite, "checkpoints");
    store
        .store(&zero(), &checkpoint(7, 1))
        .await
        .expect("it can be stored");
    let name = format!("{GROUP}/checkpoint/0");
    container.set_metadata(&name, &[]).await;
    for error in [
        store.load(&zero()).await.expect_err("it says nothing"),
        store.load_all().await.expect_err("it says nothing"),
    ] {
        assert!(
            matches!(&error, Error::Invalid { blob, .. } if *blob == name),
            "{error}"
        );
        assert!(error.hint().contains("checkpoint set"), "{}", error.hint());
    }
}

/// Scenario: a consumer that does not lower the case of names was here before.
/// Guarantees: its checkpoint is taken over where ours is missing, and only there; what is written then stands under the
/// lower-case name, and counts from then on.
#[tokio::test]
async fn takes_over_names_as_they_were_typed() {
    let Some(installed) = installed("names as they were typed").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    let container = Container::new(&azurite, "checkpoints");
    for partition in ["0", "1"] {
        let name = format!("{AS_TYPED}/checkpoint/{partition}");
        container
            .put(&name, &[("sequencenumber", "40"), ("offset", "4096")])
            .await;
    }
    let one = PartitionId::new("1");
    container
        .put(
            &format!("{GROUP}/checkpoint/1"),
            &[("sequencenumber", "50"), ("offset", "5120")],
        )
        .await;
    let numbers = async || {
        let all = store.load_all().await.expect("they can be read");
        let numbers: Vec<_> = all
            .values()
            .map(|checkpoint| checkpoint.sequence_number.0)
            .collect();
        for (partition, checkpoint) in &all {
            assert_eq!(
                store.load(partition).await.expect("it can be read").as_ref(),
                Some(checkpoint)
            );
        }
        numbers
    };
    assert_eq!(numbers().await, [40, 50]);
    store
        .store(&zero(), &checkpoint(41, 1))
        .await
        .expect("it can be stored");
    store
        .store(&one, &checkpoint(51, 1))
        .await
        .expect("it can be stored");
    assert_eq!(numbers().await, [41, 51]);
    let old = container.blob(&format!("{AS_TYPED}/checkpoint/0")).await;
    assert_eq!(
        old.metadata["sequencenumber"], "40",
        "what another consumer wrote stays"
    );
}
