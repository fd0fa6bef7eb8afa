//! What stands beside the maps.

use std::path::Path;

/// Scenario: a map is added. Guarantees: it has tests of its own beside it.
#[test]
fn every_map_has_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let mut maps = 0;
    for set in std::fs::read_dir(root).expect("the maps are there") {
        let set = set.expect("a set can be read").path();
        for map in std::fs::read_dir(&set).expect("sets are folders") {
            let map = map.expect("a map can be read").path();
            if !map.to_string_lossy().ends_with(".test.yaml") {
                assert!(map.with_extension("test.yaml").exists(), "{}", map.display());
                maps += 1;
            }
        }
    }
    assert!(maps >= 27, "{maps} maps");
}
