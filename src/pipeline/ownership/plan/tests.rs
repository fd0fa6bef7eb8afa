//! What is decided, case by case.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const NOW_MILLIS: i64 = 1_000_000_000;
const EXPIRY: Duration = Duration::from_secs(60);

/// The listing that `text` draws: for each partition, in order, whose it is. `.` was never owned, `-` was given back, an
/// upper-case letter has expired.
fn listing(text: &str) -> Listing {
    let record = |(index, letter): (usize, char)| {
        let age_millis = if letter.is_uppercase() { 60_000 } else { 59_999 };
        Ownership {
            partition: PartitionId::new(index.to_string()),
            owner_id: letter.to_lowercase().to_string().replace('-', ""),
            etag: Etag::new(&index.to_string()),
            last_modified: Timestamp::from_millis(NOW_MILLIS - age_millis),
        }
    };
    let records = text.chars().enumerate().filter(|(_, letter)| *letter != '.');
    Listing {
        ownerships: records.map(record).collect(),
        server_time: Timestamp::from_millis(NOW_MILLIS),
    }
}

fn partitions(text: &str) -> BTreeSet<PartitionId> {
    let count = 0..text.len();
    count.map(|index| PartitionId::new(index.to_string())).collect()
}

/// Every partition that `a` may claim, as digits with the letter of its owner before; and the rest of the plan.
fn decide(text: &str, read: &str, disputed: &str) -> (String, bool, usize, usize) {
    let (listing, partitions) = (listing(text), partitions(text));
    let set = |digits: &str| {
        digits
            .chars()
            .map(|digit| PartitionId::new(digit.to_string()))
            .collect()
    };
    let (read, disputed): (BTreeSet<_>, BTreeSet<_>) = (set(read), set(disputed));
    let view = View {
        owner_id: "a",
        partitions: &partitions,
        listing: &listing,
        expiry: EXPIRY,
        read: &read,
        disputed: &disputed,
    };
    let plans: Vec<_> = (0..200)
        .map(|seed| plan(view, &mut StdRng::seed_from_u64(seed)))
        .collect();
    let claims: BTreeSet<_> = plans
        .iter()
        .filter_map(|plan| plan.claim.as_ref().map(drawn))
        .collect();
    let first = &plans[0];
    assert!(plans.iter().all(|plan| plan.is_balanced == first.is_balanced));
    let claims = claims.into_iter().collect::<Vec<_>>().join(" ");
    (claims, first.is_balanced, first.instances, first.unowned)
}

fn drawn(claim: &Claim) -> String {
    let partition = &claim.partition;
    let version = claim.expected.as_ref().map(ToString::to_string);
    match &claim.origin {
        Origin::Nobody if version.is_none() => return format!(".{partition}"),
        _ => assert_eq!(
            version.as_deref(),
            Some(partition.as_str()),
            "the version that was listed"
        ),
    }
    match &claim.origin {
        Origin::Nobody => format!("-{partition}"),
        Origin::Expired(owner) => format!("{}{partition}", owner.to_uppercase()),
        Origin::Ourselves => format!("={partition}"),
        Origin::Instance(owner) => format!("{owner}{partition}"),
    }
}

/// Scenario: a fleet in many states, seen by `a`.
/// Guarantees: free partitions first, then those of who has too much; nothing from who has no more than we would have;
/// never one that is read or disputed; balanced exactly when the share is there and nothing is claimed.
#[test]
fn decides_by_the_table() {
    for (text, read, disputed, claims, is_balanced, instances, unowned) in [
        // Alone.
        ("....", "", "", ".0 .1 .2 .3", false, 1, 4),
        ("aa-.", "01", "", "-2 .3", false, 1, 2),
        ("aaaa", "0123", "", "", true, 1, 0),
        // Another one is there.
        ("bbbb", "", "", "b0 b1 b2 b3", false, 2, 0),
        ("abbb", "0", "", "b1 b2 b3", false, 2, 0),
        ("aabb", "01", "", "", true, 2, 0),
        ("bb..", "", "", ".2 .3", false, 2, 2),
        ("aab.", "01", "", "", true, 2, 1),
        ("ab..", "0", "", ".2 .3", false, 2, 2),
        // What is left over goes to who has least.
        ("aabb.", "01", "", ".4", false, 2, 1),
        ("aabbb", "01", "", "", true, 2, 0),
        ("aabcc.c", "01", "", "", true, 3, 1),
        ("bbbcca", "5", "", "b0 b1 b2", false, 3, 0),
        ("aabbbbcc", "01", "", "b2 b3 b4 b5", false, 3, 0),
        ("bbbccca", "6", "", "b0 b1 b2 c3 c4 c5", false, 3, 0),
        ("bbbbcca", "6", "", "b0 b1 b2 b3", false, 3, 0),
        // More instances than partitions.
        ("bc", "", "", "", true, 3, 0),
        ("b.", "", "", ".1", false, 2, 1),
        // Expired is nobody's, whoever it was.
        ("BBbb", "", "", "B0 B1", false, 2, 2),
        ("BCDE", "", "", "B0 C1 D2 E3", false, 1, 4),
        // Ours and not read: a claim whose answer was lost.
        ("aabb", "0", "", "=1", false, 2, 0),
        ("aabb", "", "", "=0", false, 2, 0),
        ("AAbb", "0", "", "=1", false, 2, 2),
        // Ours, and its reader does not come through: it is for others.
        ("Aabb", "01", "", "", false, 2, 1),
        // Disputed at the hub.
        ("a.bb", "0", "1", "", false, 2, 1),
        ("aabb", "0", "1", "", true, 2, 0),
        ("....", "", "0123", "", false, 1, 4),
    ] {
        let expected = (claims.to_owned(), is_balanced, instances, unowned);
        assert_eq!(decide(text, read, disputed), expected, "{text}");
    }
}

/// Scenario: the store's clock stands before the last renewal, as after a correction. Guarantees: the ownership counts.
#[test]
fn a_renewal_in_the_future_is_active() {
    let mut ownership = listing("b").ownerships.remove(0);
    let now = Timestamp::from_millis(NOW_MILLIS);
    ownership.last_modified = Timestamp::from_millis(NOW_MILLIS + 5_000);
    assert!(is_active(&ownership, now, EXPIRY));
    ownership.owner_id.clear();
    assert!(!is_active(&ownership, now, EXPIRY));
}

/// Scenario: the store lists what is no partition of this hub. Guarantees: it counts for nobody and is not claimed.
#[test]
fn other_partitions_do_not_count() {
    let (listing, partitions) = (listing("aaabbb"), partitions("aa"));
    let (read, disputed) = (partitions.clone(), BTreeSet::new());
    let view = View {
        owner_id: "a",
        partitions: &partitions,
        listing: &listing,
        expiry: EXPIRY,
        read: &read,
        disputed: &disputed,
    };
    let plan = plan(view, &mut StdRng::seed_from_u64(1));
    assert_eq!((plan.claim, plan.is_balanced, plan.instances), (None, true, 1));
}

/// Scenario: a partition has expired that is still read, in vain, by the one instance that has less than its share.
/// Guarantees: another one with its full share takes it once that has lasted for a second expiry; not the one that reads it, and
/// not whoever has to leave it alone.
#[test]
fn what_nobody_takes_is_taken_without_need() {
    let (none, last) = (BTreeSet::new(), BTreeSet::from([PartitionId::new("3")]));
    let partitions = partitions("aabb");
    for (age_millis, owner_id, disputed, expected) in [
        (59_999, "a", &none, None),
        (119_999, "a", &none, None),
        (120_000, "a", &none, Some("B3")),
        (120_000, "a", &last, None),
        (120_000, "b", &none, None),
    ] {
        let mut listing = listing("aabb");
        listing.ownerships[3].last_modified = Timestamp::from_millis(NOW_MILLIS - age_millis);
        let own = listing.ownerships.iter().filter(|own| own.owner_id == owner_id);
        let view = View {
            owner_id,
            partitions: &partitions,
            listing: &listing,
            expiry: EXPIRY,
            read: &own.map(|own| own.partition.clone()).collect(),
            disputed,
        };
        let claim = plan(view, &mut StdRng::seed_from_u64(1)).claim;
        assert_eq!(
            claim.as_ref().map(drawn).as_deref(),
            expected,
            "{owner_id}, {age_millis} ms"
        );
    }
}
