use hub2siem::checkpoint::blob::settings::{Access, Signature};

use crate::azurite::{Azurite, account_signature, installed};
use crate::stage::{checkpoint, claim, open, zero};

/// Scenario: the signature of a running store is replaced: by one without the right to write, then by a good one.
/// Guarantees: each counts from the next request on, and what is known of ownership and versions stays.
#[tokio::test]
async fn a_new_signature_counts_at_once() {
    let Some(installed) = installed("a rotated signature").await else {
        return;
    };
    let azurite = Azurite::start(&installed).await;
    let with = |permissions: &str| {
        let signature = Signature::new(&account_signature(permissions)).expect("it has one");
        azurite.settings_with("checkpoints", Access::Signature(signature))
    };
    let store = open(&with("rwcl"), "host-1").await;
    let etag = claim(&store, &zero()).await;
    store
        .store(&zero(), &checkpoint(1, 1))
        .await
        .expect("it can be stored");
    store.replace(&with("rl")).expect("it can be used");
    store
        .store(&zero(), &checkpoint(2, 1))
        .await
        .expect_err("it has no right to write");
    assert_eq!(store.owned(&zero()), Some(etag));
    store.replace(&with("rwcl")).expect("it can be used");
    store
        .store(&zero(), &checkpoint(3, 1))
        .await
        .expect("it can be stored");
    let read = store
        .load(&zero())
        .await
        .expect("it can be read")
        .expect("it is there");
    assert_eq!(read.sequence_number.0, 3);
}
