//! An instance whose clock is wrong.

use std::path::Path;
use std::process::Command;

use super::fleet::Fleet;

/// Scenario: of three instances one is ten minutes ahead and one ten minutes behind, far more than the expiry.
/// Guarantees: that moves nothing: what has expired is told by the store's clock; the partitions are shared equally, stay
/// where they are, and those of an instance that dies are taken over when they expire and not before.
#[test]
fn clocks_that_are_wrong_move_nothing() {
    let Some(library) = library() else {
        return;
    };
    let Some(mut fleet) = Fleet::new("instances with wrong clocks", 400) else {
        return;
    };
    let clock = |offset| {
        [
            ("LD_PRELOAD", &*library),
            ("FAKETIME", offset),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]
    };
    fleet.join("right");
    fleet.join_with("ahead", &clock("+10m"));
    fleet.join_with("behind", &clock("-10m"));
    fleet.settle(false);
    let (owners, claims) = (fleet.owners(), fleet.claims().len());
    // As many items as the hub gets in more than the expiry.
    fleet.receive(400 * (fleet.expiry().as_secs() + 3));
    assert_eq!(fleet.owners(), owners, "nothing moves");
    assert_eq!(fleet.claims().len(), claims, "nothing is claimed");
    fleet.kill("right");
    let took = fleet.settle(true);
    assert!(
        took > fleet.expiry() / 2,
        "taken over after {took:?}, before anything expired"
    );
    fleet.finish();
}

/// The library that fakes the time; `None` only where it cannot be had and that is allowed.
fn library() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/faketime");
    let output = Command::new(script).output().expect("there is a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Some(text(&output.stdout));
    }
    let reason = text(&output.stderr);
    eprintln!("NOT TESTED: instances with wrong clocks: {reason}");
    let skip = std::env::var("HUB2SIEM_SKIP_FAKETIME").is_ok_and(|value| value == "1");
    assert!(skip, "{reason}; set HUB2SIEM_SKIP_FAKETIME=1 to go on without");
    None
}
