use std::sync::Arc;

use futures_util::future::join_all;
use hub2siem::checkpoint::blob::{BlobStore, Claimed};
use hub2siem::event::Timestamp;

use crate::azurite::{Azurite, Container, installed};
use crate::stage::{GROUP, claim, open, zero};

/// Scenario: sixteen processes claim a partition that nobody has; then all of them steal it at once.
/// Guarantees: each time one wins, and every other knows that it has nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_wins() {
    let Some(installed) = installed("races for a partition").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let settings = azurite.settings("checkpoints");
    let names: Vec<_> = (0..16).map(|number| format!("host-{number}")).collect();
    let stores = join_all(names.iter().map(|name| open(&settings, name))).await;
    let mut expected = None;
    for _ in 0..2 {
        let claims = stores.iter().map(|store| {
            let (store, expected) = (store.clone(), expected.clone());
            tokio::spawn(async move { store.claim(&zero(), expected.as_ref()).await })
        });
        let claims = join_all(claims).await;
        let won: Vec<_> = claims
            .into_iter()
            .zip(&stores)
            .filter_map(
                |(claimed, store)| match claimed.expect("no panic").expect("the store answers") {
                    Claimed::Won(etag) => Some((store, etag)),
                    Claimed::LostTo => None,
                },
            )
            .collect();
        let [(winner, etag)] = &won[..] else {
            panic!("{} won", won.len())
        };
        let owners = stores.iter().filter(|store| store.owned(&zero()).is_some());
        assert_eq!(
            owners.map(BlobStore::owner_id).collect::<Vec<_>>(),
            [winner.owner_id()]
        );
        let listing = winner.list_ownership().await.expect("it can be listed");
        assert_eq!(listing.ownerships[0].owner_id, winner.owner_id());
        assert_eq!(
            listing.ownerships[0].etag, *etag,
            "a listed version and an answered one are equal"
        );
        // Whoever lost last time may win now, so those who had it must not believe that they still do.
        for store in &stores {
            store.confirm_ownership(&zero()).await.expect("the store answers");
        }
        expected = Some(etag.clone());
    }
}

/// Scenario: a partition is claimed, renewed, stolen, given up, claimed again, and its ownership is removed.
/// Guarantees: each end is what the cycle has to hear, and what a process believes is never more than it has.
#[tokio::test]
async fn ends_as_the_cycle_has_to_hear() {
    let Some(installed) = installed("claims and their ends").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let settings = azurite.settings("checkpoints");
    let container = Container::new(&azurite, "checkpoints");
    let (one, two) = (open(&settings, "host-1").await, open(&settings, "host-2").await);
    let claimed = async |store: &BlobStore, etag: Option<&_>| {
        store.claim(&zero(), etag).await.expect("the store answers")
    };
    assert_eq!(one.owned(&zero()), None);
    assert!(
        !one.confirm_ownership(&zero()).await.expect("the store answers"),
        "there is none"
    );

    let first = claim(&one, &zero()).await;
    assert_eq!(claimed(&two, None).await, Claimed::LostTo);
    let Claimed::Won(renewed) = claimed(&one, Some(&first)).await else {
        panic!("it is ours")
    };
    assert_ne!(renewed, first);
    assert_eq!(
        claimed(&two, Some(&first)).await,
        Claimed::LostTo,
        "it was renewed meanwhile"
    );
    assert_eq!(two.owned(&zero()), None);

    let Claimed::Won(stolen) = claimed(&two, Some(&renewed)).await else {
        panic!("nobody was faster")
    };
    assert_eq!(one.owned(&zero()), Some(renewed.clone()), "it cannot know yet");
    assert_eq!(claimed(&one, Some(&renewed)).await, Claimed::LostTo);
    assert_eq!(one.owned(&zero()), None);
    one.relinquish(&zero())
        .await
        .expect("there is nothing to give up");
    assert_eq!(two.owned(&zero()), Some(stolen), "it was not given up by another");

    two.relinquish(&zero()).await.expect("it can be given up");
    assert_eq!(two.owned(&zero()), None);
    let listing = one.list_ownership().await.expect("it can be listed");
    assert_eq!(listing.ownerships[0].owner_id, "");
    let free = listing.ownerships[0].etag.clone();
    assert!(matches!(claimed(&one, Some(&free)).await, Claimed::Won(_)));
    assert!(one.confirm_ownership(&zero()).await.expect("the store answers"));

    container.remove(&format!("{GROUP}/ownership/0")).await;
    let before = one.owned(&zero());
    assert_eq!(
        claimed(&one, before.as_ref()).await,
        Claimed::LostTo,
        "there is nothing to renew"
    );
    assert_eq!(one.owned(&zero()), None);
    claim(&two, &zero()).await;
    assert!(!one.confirm_ownership(&zero()).await.expect("the store answers"));
}

/// Scenario: the answer to a claim was lost, so the try after it meets our own ownership. Guarantees: it is won.
#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_won() {
    let Some(installed) = installed("a lost answer to a claim").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let settings = azurite.settings("checkpoints");
    let (one, again) = (open(&settings, "host-1").await, open(&settings, "host-1").await);
    let etag = claim(&one, &zero()).await;
    let claimed = again.claim(&zero(), None).await.expect("the store answers");
    assert_eq!(claimed, Claimed::Won(etag.clone()));
    let Claimed::Won(renewed) = one.claim(&zero(), Some(&etag)).await.expect("the store answers") else {
        panic!("it is ours")
    };
    let claimed = again
        .claim(&zero(), Some(&etag))
        .await
        .expect("the store answers");
    assert_eq!(claimed, Claimed::Won(renewed.clone()));
    assert_eq!(again.owned(&zero()), Some(renewed));
}

/// Scenario: ownerships are listed. Guarantees: times are those of the service, so that ages need no clock of ours.
#[tokio::test]
async fn ages_are_told_by_one_clock() {
    let Some(installed) = installed("the service's clock").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let store = open(&azurite.settings("checkpoints"), "host-1").await;
    let empty = store.list_ownership().await.expect("it can be listed");
    assert!(empty.ownerships.is_empty());
    claim(&store, &zero()).await;
    let listing = store.list_ownership().await.expect("it can be listed");
    let age = listing
        .server_time
        .millis_since(listing.ownerships[0].last_modified);
    assert!((0..60_000).contains(&age), "{listing:?}");
    assert!(
        listing.server_time.millis_since(Timestamp::now()).abs() < 60_000,
        "{listing:?}"
    );
    assert!(listing.server_time >= empty.server_time);
}

/// Scenario: a process gets its name among others. Guarantees: it fits into a header, and no two are equal.
#[test]
fn owner_ids_differ() {
    let new = hub2siem::checkpoint::blob::ownership::new_owner_id;
    let (one, two): (Arc<str>, Arc<str>) = (new(), new());
    assert_ne!(one, two);
    assert!(one.bytes().all(|byte| byte.is_ascii_graphic()), "{one}");
}
