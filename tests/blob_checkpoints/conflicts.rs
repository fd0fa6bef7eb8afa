use hub2siem::checkpoint;
use hub2siem::checkpoint::blob::BlobStore;

use crate::azurite::{Azurite, Container, Installed, installed};
use crate::stage::{GROUP, checkpoint, claim, open, zero};

const HUB: i64 = 1_600_000_000_000;

/// A store that owns partition 0 and wrote position 10, and the container, where somebody else may write now.
async fn owner(installed: &Installed) -> (Azurite, BlobStore, Container) {
    let azurite = Azurite::start(installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    let container = Container::new(&azurite, "checkpoints");
    claim(&store, &zero()).await;
    store
        .store(&zero(), &checkpoint(10, HUB))
        .await
        .expect("it can be stored");
    (azurite, store, container)
}

/// What stands there.
async fn number(container: &Container) -> String {
    container.blob(&format!("{GROUP}/checkpoint/0")).await.metadata["sequencenumber"].clone()
}

/// Scenario: another process has the partition and moved its checkpoint; we write ours.
/// Guarantees: `Lost`; what stands there stays, and we do not believe any more that the partition is ours.
#[tokio::test]
async fn an_owner_that_lost_writes_nothing() {
    let Some(installed) = installed("a write after a loss").await else {
        return;
    };
    let (azurite, one, container) = owner(&installed).await;
    let two = open(&azurite.settings("checkpoints"), "host-2").await;
    let etag = one.owned(&zero());
    two.claim(&zero(), etag.as_ref())
        .await
        .expect("the store answers");
    two.load(&zero()).await.expect("it can be read");
    two.store(&zero(), &checkpoint(20, HUB))
        .await
        .expect("it can be stored");
    for position in [15, 25] {
        let error = one
            .store(&zero(), &checkpoint(position, HUB))
            .await
            .expect_err("it is not ours");
        assert!(matches!(error, checkpoint::Error::Lost { .. }), "{error}");
        assert_eq!(number(&container).await, "20");
    }
    assert_eq!(one.owned(&zero()), None);
    two.store(&zero(), &checkpoint(21, HUB))
        .await
        .expect("nothing came between");
    assert_eq!(number(&container).await, "21");
}

/// Scenario: the owner before us writes its last checkpoint after we read it: further than ours, as far, or less far.
/// Guarantees: we stay the owner, a position never moves back, and our next one is written.
#[tokio::test]
async fn a_last_write_of_the_owner_before_does_not_evict() {
    let Some(installed) = installed("a late write of the owner before").await else {
        return;
    };
    let (_azurite, store, container) = owner(&installed).await;
    let name = format!("{GROUP}/checkpoint/0");
    for (stored, ours, expected) in [
        ("14", 12, "14"),
        ("15", 15, "15"),
        ("16", 18, "18"),
        ("17", 19, "19"),
    ] {
        container
            .set_metadata(&name, &[("sequencenumber", stored), ("offset", "x")])
            .await;
        store
            .store(&zero(), &checkpoint(ours, HUB))
            .await
            .expect("the partition is ours");
        assert_eq!(number(&container).await, expected);
        assert!(store.owned(&zero()).is_some());
    }
    store
        .store(&zero(), &checkpoint(30, HUB))
        .await
        .expect("nothing came between");
    assert_eq!(number(&container).await, "30");
}

/// Scenario: the owner before us writes a last checkpoint that is further than our next ones.
/// Guarantees: it stands until ours are further; the position moves back with none of them.
#[tokio::test]
async fn what_is_further_stands_until_it_is_reached() {
    let Some(installed) = installed("a late write that is far ahead").await else {
        return;
    };
    let (azurite, store, container) = owner(&installed).await;
    let before = open(&azurite.settings("checkpoints"), "host-1").await;
    before
        .store(&zero(), &checkpoint(14, HUB))
        .await
        .expect("it can be stored");
    for (ours, expected) in [(11, "14"), (12, "14"), (14, "14"), (15, "15"), (16, "16")] {
        store
            .store(&zero(), &checkpoint(ours, HUB))
            .await
            .expect("the partition is ours");
        assert_eq!(number(&container).await, expected);
    }
}

/// Scenario: what was written meanwhile is of the hub before this one, which was deleted. Guarantees: its number says
/// nothing, and ours is written.
#[tokio::test]
async fn a_number_of_another_hub_is_not_further() {
    let Some(installed) = installed("a late write from another hub").await else {
        return;
    };
    let (azurite, store, container) = owner(&installed).await;
    let before = open(&azurite.settings("checkpoints"), "host-1").await;
    before
        .store(&zero(), &checkpoint(5000, HUB - 1))
        .await
        .expect("it can be stored");
    store
        .store(&zero(), &checkpoint(11, HUB))
        .await
        .expect("the partition is ours");
    assert_eq!(number(&container).await, "11");
}

/// Scenario: the checkpoint is removed while it is in use, and so is the container later. Guarantees: both are made again.
#[tokio::test]
async fn what_was_removed_is_made_again() {
    let Some(installed) = installed("a removed checkpoint").await else {
        return;
    };
    let (_azurite, store, container) = owner(&installed).await;
    container.remove(&format!("{GROUP}/checkpoint/0")).await;
    store
        .store(&zero(), &checkpoint(11, HUB))
        .await
        .expect("it is made again");
    assert_eq!(number(&container).await, "11");
    container.delete().await;
    store
        .store(&zero(), &checkpoint(12, HUB))
        .await
        .expect("it is made again");
    assert_eq!(number(&container).await, "12");
}

/// Scenario: a partition without a checkpoint is written by two processes at once. Guarantees: the one that owns it writes,
/// the other is told.
#[tokio::test]
async fn the_first_write_names_its_condition_too() {
    let Some(installed) = installed("two first writes").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let settings = azurite.settings("checkpoints");
    let (one, two) = (open(&settings, "host-1").await, open(&settings, "host-2").await);
    let container = Container::new(&azurite, "checkpoints");
    for store in [&one, &two] {
        assert_eq!(store.load(&zero()).await.expect("it can be read"), None);
    }
    claim(&two, &zero()).await;
    one.store(&zero(), &checkpoint(4, HUB))
        .await
        .expect("nobody was faster");
    two.store(&zero(), &checkpoint(3, HUB))
        .await
        .expect("it owns the partition");
    assert_eq!(number(&container).await, "4");
    two.store(&zero(), &checkpoint(5, HUB))
        .await
        .expect("it owns the partition");
    let error = one
        .store(&zero(), &checkpoint(6, HUB))
        .await
        .expect_err("it is not ours");
    assert!(matches!(error, checkpoint::Error::Lost { .. }), "{error}");
    assert_eq!(number(&container).await, "5");
}
