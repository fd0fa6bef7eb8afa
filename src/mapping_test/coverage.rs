//! Every sample through every map: none may fail, and every output must fit its schema.

use std::collections::BTreeMap;

use super::carrier;
use super::sample::Sample;
use super::suite::map_name;
use crate::decode;
use crate::event::Kind;
use crate::map::{MappingSet, Mappings, RecordContext};

/// How one map did.
#[derive(Debug, Default)]
pub struct MapCoverage {
    /// Records that the set gave to it.
    pub records: usize,
    /// Sample and problem.
    pub problems: Vec<(String, String)>,
}

/// Runs `samples` through every set; results by name of the map.
///
/// A map that no sample reaches is there with 0 records.
pub fn run(mappings: &Mappings, samples: &[Sample]) -> BTreeMap<String, MapCoverage> {
    let mut coverage = BTreeMap::new();
    for set in mappings.names().filter_map(|name| mappings.set(name)) {
        for revision in set.revisions() {
            coverage.insert(map_name(revision).to_owned(), MapCoverage::default());
        }
        for sample in samples {
            add(&set, sample, &mut coverage);
        }
    }
    coverage
}

fn add(set: &MappingSet, sample: &Sample, coverage: &mut BTreeMap<String, MapCoverage>) {
    let (hub, event) = carrier(sample.body.clone());
    for record in decode::decode(&hub, &event) {
        let context = RecordContext::new(&record);
        let Some(plan) = set.choose(&context).filter(|_| record.kind != Kind::Undecodable) else {
            continue;
        };
        let map = coverage.entry(map_name(&plan.revision).to_owned()).or_default();
        map.records += 1;
        let mut output = Vec::new();
        let problems = match set.render(&context, &mut output) {
            Ok(_) => set.validate(&context, &output),
            Err(error) => vec![format!("map error: {error}")],
        };
        map.problems
            .extend(problems.into_iter().map(|problem| (sample.name.clone(), problem)));
    }
}
