use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hub2siem::acknowledge::{InFlight, Window};
use hub2siem::checkpoint::blob::{BlobStore, Error};
use hub2siem::checkpoint::{Checkpointer, Store};
use hub2siem::event::{Event, Offset, SequenceNumber, Timestamp};
use hub2siem::telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::azurite::{Azurite, Container, installed};
use crate::stage::{GROUP, SCOPE, checkpoint, claim, open, zero};

/// Far below the expiry of an ownership, 60 s, and far above the 8 s of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// Scenario: the store is not there, and then it stands still with its connections open.
/// Guarantees: each request ends as an error that says so, long before an ownership would be over.
#[tokio::test]
async fn an_outage_is_told_in_time() {
    let Some(installed) = installed("a blob store that is away").await else {
        return;
    };
    let mut azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    store
        .store(&zero(), &checkpoint(1, 1))
        .await
        .expect("it can be stored");
    for is_frozen in [false, true] {
        if is_frozen {
            azurite.freeze();
        } else {
            azurite.stop().await;
        }
        let started = Instant::now();
        let error = store.load(&zero()).await.expect_err("nobody answers");
        assert!(
            matches!(error, Error::Unreachable { .. } | Error::Silent { .. }),
            "{error}"
        );
        assert!(started.elapsed() < PATIENCE, "{:?}: {error}", started.elapsed());
        if is_frozen {
            azurite.unfreeze();
        } else {
            let opened = BlobStore::open(&azurite.settings("checkpoints"), SCOPE, Arc::from("host-2")).await;
            assert!(matches!(opened, Err(Error::Unreachable { .. })));
            azurite.resume().await;
        }
        store.store(&zero(), &checkpoint(2, 1)).await.expect("it is back");
    }
}

/// Scenario: the container is removed while a partition is read.
/// Guarantees: that is not taken for a partition without a checkpoint, nor for one that somebody else owns: whoever reads,
/// lists or renews gets an error that names the container and the next step. The position that is known is written into a
/// new container.
#[tokio::test]
async fn a_removed_container_is_not_an_empty_one() {
    let Some(installed) = installed("a container that was removed").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let settings = azurite.settings("checkpoints");
    let store = open(&settings, "host-1").await;
    let etag = claim(&store, &zero()).await;
    store
        .store(&zero(), &checkpoint(1, 1))
        .await
        .expect("it can be stored");
    let container = Container::new(&azurite, "checkpoints");
    container.delete().await;
    let refused = [
        store.load(&zero()).await.map(drop),
        store.load_all().await.map(drop),
        store.list_ownership().await.map(drop),
        store.confirm_ownership(&zero()).await.map(drop),
        store.claim(&zero(), Some(&etag)).await.map(drop),
    ];
    for (index, refused) in refused.into_iter().enumerate() {
        let error = refused.expect_err("there is no container");
        assert!(matches!(error, Error::NoContainer { .. }), "{index}: {error}");
        let text = error.to_string();
        assert!(text.contains(settings.container.as_str()), "{index}: {text}");
        assert!(
            error.hint().contains("can be restored"),
            "{index}: {}",
            error.hint()
        );
    }
    assert_eq!(store.owned(&zero()), Some(etag), "nobody else has it");
    store
        .store(&zero(), &checkpoint(2, 1))
        .await
        .expect("the container is made again");
    let stored = store.load(&zero()).await.expect("it can be read");
    assert_eq!(stored, Some(checkpoint(2, 1)));
}

/// Scenario: events settle while the store is away; then it comes back.
/// Guarantees: the mark is kept and stored then, errors are counted, and the age of the checkpoint grows meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_wait_for_the_store() {
    let Some(installed) = installed("marks during an outage").await else {
        return;
    };
    let mut azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    claim(&store, &zero()).await;
    let container = Container::new(&azurite, "checkpoints");
    let metrics = Arc::new(Metrics::new());
    let checkpointer = Checkpointer::new(Store::Blob(store), Arc::from("$Default"), Arc::clone(&metrics));
    let checkpointer = Arc::new(checkpointer.every(Duration::from_millis(50)));
    let in_flight = InFlight::new(zero(), 1, Window::new(1000, 1 << 20));
    checkpointer.register(Arc::clone(&in_flight), Some(Timestamp::from_millis(1)));
    let stop = CancellationToken::new();
    let run = {
        let (checkpointer, stop) = (Arc::clone(&checkpointer), stop.clone());
        tokio::spawn(async move { checkpointer.run(stop).await })
    };
    let settle = |number: i64| {
        let event = Event {
            partition: zero(),
            sequence_number: SequenceNumber(number),
            offset: Offset::new(format!("o{number}")),
            enqueued_time: Timestamp::from_millis(number),
            body: Bytes::new(),
            last_enqueued: None,
        };
        in_flight.begin(&event).close();
    };
    let name = format!("{GROUP}/checkpoint/0");
    let stored = async |number: &str| {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let blobs = container.list().await;
            let found = blobs.iter().find(|blob| blob.name == name);
            if found.is_some_and(|blob| blob.metadata["sequencenumber"] == number) {
                return;
            }
            assert!(Instant::now() < until, "{number} is not stored: {blobs:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    settle(0);
    stored("0").await;
    azurite.stop().await;
    settle(1);
    let until = Instant::now() + Duration::from_secs(60);
    while metrics.checkpoint_errors_total.get() == 0 {
        assert!(Instant::now() < until, "no error is counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    azurite.resume().await;
    stored("1").await;
    stop.cancel();
    run.await.expect("no panic").expect("the last store succeeds");
}
