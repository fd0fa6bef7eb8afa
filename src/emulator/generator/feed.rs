//! The generator itself.

use bytes::Bytes;

use super::estate::Estate;
use super::random::Random;
use super::scene::Scene;
use super::template::{self, Template};
use super::ticks::Ticks;
use super::twist::Twist;
use crate::event::{Kind, Timestamp};

/// Where the clock of a generator stands at first, unless it is told otherwise: 2025-06-01T00:00:00Z.
const FIRST_MOMENT: i64 = 1_748_736_000_000;
/// The clock moves by this for every record, so that times differ and grow.
const STEP: i64 = 70_000;
/// The most a body takes: an event of several alerts.
const BODY_CAPACITY: usize = 4096;

/// A body for the hub, and what a decoder must find in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The message body; may be empty, and may be no JSON.
    pub body: Bytes,
    /// Number of records that can be decoded, the `unknown` ones included.
    pub records: u32,
    /// Number of records of kind `undecodable`: these must end in the dead letters.
    pub undecodable: u32,
}

/// Gives export items for ever. Equal seeds give equal items.
#[derive(Debug)]
pub struct Generator {
    estate: Estate,
    templates: Vec<Template>,
    weights: u64,
    seed: u64,
    random: Random,
    clock: Ticks,
    number: u64,
}

impl Generator {
    /// A generator whose items bear times from 2025-06-01 on.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let templates = Template::all();
        Self {
            estate: Estate::new(&mut random),
            weights: templates.iter().map(|template| template.weight).sum(),
            templates,
            seed,
            random,
            clock: Ticks::from_timestamp(Timestamp::from_millis(FIRST_MOMENT)),
            number: 0,
        }
    }

    /// The same, with items written at about `now` and later.
    pub fn starting_at(mut self, now: Timestamp) -> Self {
        self.clock = Ticks::from_timestamp(now);
        self
    }

    /// The next event: any kind, mostly one record, sometimes several, rarely broken.
    pub fn event(&mut self) -> Generated {
        let twist = Twist::choose(&mut self.random);
        let items = twist.items(&mut self.random);
        let (before, between, after) = twist.frame();
        let mut body = Vec::with_capacity(BODY_CAPACITY);
        body.extend_from_slice(before.as_bytes());
        for item in 0..items {
            if item > 0 {
                body.extend_from_slice(between.as_bytes());
            }
            let template = self.choose();
            self.write(template, &mut body);
        }
        body.extend_from_slice(after.as_bytes());
        twist.damage(&mut body, &mut self.random);
        Generated {
            body: body.into(),
            records: twist.records(items),
            undecodable: twist.undecodable(),
        }
    }

    /// One recommendation of about 1.2 KB; no two of a generator have the same id.
    pub fn assessment(&mut self) -> Bytes {
        self.one("assessment-azure")
    }

    /// One alert of about 3.7 KB with entities that refer to each other; no two of a generator have the same id.
    pub fn alert(&mut self) -> Bytes {
        self.one("alert-machine")
    }

    /// One record of `kind`, whole and alone; `None` for the kinds no export writes.
    pub fn record(&mut self, kind: Kind) -> Option<Bytes> {
        let templates = self.templates.iter().enumerate();
        let matching: Vec<usize> = templates
            .filter(|(_, template)| template.kind == kind)
            .map(|(index, _)| index)
            .collect();
        if matching.is_empty() {
            return None;
        }
        let template = self.random.pick(&matching);
        Some(self.body(template))
    }

    fn one(&mut self, name: &str) -> Bytes {
        let template = self
            .templates
            .iter()
            .position(|template| template.name == name)
            .expect("the template is embedded");
        self.body(template)
    }

    fn body(&mut self, template: usize) -> Bytes {
        let mut body = Vec::with_capacity(BODY_CAPACITY);
        self.write(template, &mut body);
        body.into()
    }

    /// Index of a template, by weight.
    fn choose(&mut self) -> usize {
        let mut number = self.random.below(self.weights);
        for (index, template) in self.templates.iter().enumerate() {
            if number < template.weight {
                return index;
            }
            number -= template.weight;
        }
        unreachable!("the number is below the sum of the weights")
    }

    fn write(&mut self, template: usize, body: &mut Vec<u8>) {
        self.number += 1;
        self.clock = self.clock.after(STEP);
        let scene = Scene::new(&self.estate, self.seed, self.number, self.clock, &mut self.random);
        let variants = &self.templates[template].variants;
        let variant = self.random.below(variants.len() as u64) as usize;
        template::write(&variants[variant], &scene, body);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
