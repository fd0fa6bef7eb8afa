//! Which partitions are read, and what of each.

use std::collections::{BTreeMap, BTreeSet};

use super::range::{self, First, Inverted, Last, Range};
use crate::event::{PartitionId, Timestamp};
use crate::eventhub::{End, HubClient, PartitionProperties};

/// Partitions of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// Every one there is at the start.
    All,
    /// These.
    These(BTreeSet<PartitionId>),
}

/// One end of the ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PerPartition<T> {
    /// The same in each partition.
    Same(T),
    /// One for each partition.
    Each(BTreeMap<PartitionId, T>),
}

/// What a replay reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Of which partitions.
    pub partitions: Chosen,
    /// From where.
    pub first: PerPartition<First>,
    /// To where, that event included.
    pub last: PerPartition<Last>,
}

/// The scope makes no sense, by itself or for this hub.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One number for several partitions.
    #[error(
        "sequence numbers count in each partition on their own: name one partition, or write one number for each, such as `0=4711,1=17`"
    )]
    SharedNumber,
    /// An end is missing for a partition.
    #[error("`{option}` says nothing of partition `{partition}`")]
    Missing {
        /// `--from` or `--to`.
        option: &'static str,
        /// The partition.
        partition: PartitionId,
    },
    /// An end for a partition that is not read.
    #[error("`{option}` names partition `{partition}`, which is not among those to be read")]
    Superfluous {
        /// `--from` or `--to`.
        option: &'static str,
        /// The partition.
        partition: PartitionId,
    },
    /// The hub does not have it.
    #[error("the hub has no partition `{partition}`; it has {known}")]
    Unknown {
        /// The partition.
        partition: PartitionId,
        /// Those there are.
        known: String,
    },
    /// A range ends before it begins.
    #[error("partition `{partition}`")]
    Inverted {
        /// The partition.
        partition: PartitionId,
        /// How.
        source: Inverted,
    },
}

impl Scope {
    /// Finds what is wrong without the hub.
    pub fn check(&self) -> Result<(), Error> {
        let is_alone = matches!(&self.partitions, Chosen::These(these) if these.len() == 1);
        let has_shared_number = matches!(self.first, PerPartition::Same(First::Number(_)))
            || matches!(self.last, PerPartition::Same(Last::Number(_)));
        if has_shared_number && !is_alone {
            return Err(Error::SharedNumber);
        }
        match &self.partitions {
            Chosen::These(these) => self.check_ends(these),
            Chosen::All => match (&self.first, &self.last) {
                (PerPartition::Same(first), PerPartition::Same(last)) => {
                    let inverted = |source| Error::Inverted {
                        partition: PartitionId::new("all"),
                        source,
                    };
                    range::check(*first, *last).map_err(inverted)
                }
                _ => Ok(()),
            },
        }
    }

    /// The partitions to be read of those that the hub has.
    pub fn choose(&self, known: &[PartitionId]) -> Result<BTreeSet<PartitionId>, Error> {
        let chosen = match &self.partitions {
            Chosen::All => known.iter().cloned().collect(),
            Chosen::These(these) => these.clone(),
        };
        if let Some(unknown) = chosen.iter().find(|partition| !known.contains(partition)) {
            let names: Vec<_> = known.iter().map(PartitionId::as_str).collect();
            return Err(Error::Unknown {
                partition: unknown.clone(),
                known: names.join(", "),
            });
        }
        self.check_ends(&chosen)?;
        Ok(chosen)
    }

    /// The range of each partition in `chosen`, as the hub is now.
    pub async fn resolve(
        &self,
        chosen: BTreeSet<PartitionId>,
        client: &HubClient,
        hub_created_at: Timestamp,
    ) -> Result<Vec<Range>, End> {
        let mut ranges = Vec::new();
        for partition in chosen {
            let properties = client.partition_properties(&partition).await?;
            ranges.push(self.range(partition, hub_created_at, &properties));
        }
        Ok(ranges)
    }

    fn range(
        &self,
        partition: PartitionId,
        hub_created_at: Timestamp,
        properties: &PartitionProperties,
    ) -> Range {
        let complete = "every chosen partition has both ends: they were checked";
        let first = *self.first.of(&partition).expect(complete);
        let last = *self.last.of(&partition).expect(complete);
        Range::resolve(partition, first, last, hub_created_at, properties)
    }

    fn check_ends(&self, chosen: &BTreeSet<PartitionId>) -> Result<(), Error> {
        self.first.check("--from", chosen)?;
        self.last.check("--to", chosen)?;
        for partition in chosen {
            if let (Some(first), Some(last)) = (self.first.of(partition), self.last.of(partition)) {
                range::check(*first, *last).map_err(|source| Error::Inverted {
                    partition: partition.clone(),
                    source,
                })?;
            }
        }
        Ok(())
    }
}

impl<T> PerPartition<T> {
    fn of(&self, partition: &PartitionId) -> Option<&T> {
        match self {
            PerPartition::Same(end) => Some(end),
            PerPartition::Each(ends) => ends.get(partition),
        }
    }

    fn check(&self, option: &'static str, chosen: &BTreeSet<PartitionId>) -> Result<(), Error> {
        let PerPartition::Each(ends) = self else {
            return Ok(());
        };
        if let Some(partition) = chosen.iter().find(|partition| !ends.contains_key(partition)) {
            let partition = partition.clone();
            return Err(Error::Missing { option, partition });
        }
        match ends.keys().find(|partition| !chosen.contains(partition)) {
            Some(partition) => Err(Error::Superfluous {
                option,
                partition: partition.clone(),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::SequenceNumber;

    fn these(names: &[&'static str]) -> BTreeSet<PartitionId> {
        names.iter().map(|name| PartitionId::new(*name)).collect()
    }

    fn number(number: i64) -> First {
        First::Number(SequenceNumber(number))
    }

    fn each(ends: &[(&'static str, i64)]) -> PerPartition<First> {
        let ends = ends
            .iter()
            .map(|(name, end)| (PartitionId::new(*name), number(*end)));
        PerPartition::Each(ends.collect())
    }

    fn scope(partitions: Chosen, first: PerPartition<First>) -> Scope {
        Scope {
            partitions,
            first,
            last: PerPartition::Same(Last::Latest),
        }
    }

    #[test]
    fn numbers_belong_to_one_partition() {
        let shared = PerPartition::Same(number(7));
        for (partitions, first, expected) in [
            (Chosen::These(these(&["0"])), shared.clone(), Ok(())),
            (
                Chosen::These(these(&["0", "1"])),
                shared.clone(),
                Err(Error::SharedNumber),
            ),
            (Chosen::All, shared, Err(Error::SharedNumber)),
            (Chosen::All, each(&[("0", 1)]), Ok(())),
            (
                Chosen::These(these(&["0", "1"])),
                each(&[("0", 1), ("1", 2)]),
                Ok(()),
            ),
            (
                Chosen::These(these(&["0", "1"])),
                each(&[("0", 1)]),
                Err(Error::Missing {
                    option: "--from",
                    partition: PartitionId::new("1"),
                }),
            ),
            (
                Chosen::These(these(&["0"])),
                each(&[("0", 1), ("2", 1)]),
                Err(Error::Superfluous {
                    option: "--from",
                    partition: PartitionId::new("2"),
                }),
            ),
        ] {
            assert_eq!(scope(partitions, first).check(), expected);
        }
    }

    /// Scenario: what was asked for meets the partitions there are. Guarantees: nothing is left out silently.
    #[test]
    fn is_held_against_the_partitions_of_the_hub() {
        let known: Vec<_> = these(&["0", "1"]).into_iter().collect();
        let earliest = PerPartition::Same(First::Earliest);
        let all = scope(Chosen::All, earliest.clone());
        assert_eq!(all.choose(&known), Ok(these(&["0", "1"])));
        let one = scope(Chosen::These(these(&["1"])), earliest.clone());
        assert_eq!(one.choose(&known), Ok(these(&["1"])));
        let unknown = scope(Chosen::These(these(&["9"])), earliest);
        assert_eq!(
            unknown.choose(&known).expect_err("there is none").to_string(),
            "the hub has no partition `9`; it has 0, 1"
        );
        let incomplete = scope(Chosen::All, each(&[("0", 1)]));
        assert!(matches!(incomplete.choose(&known), Err(Error::Missing { .. })));
    }

    #[test]
    fn refuses_a_range_that_ends_before_it_begins() {
        let time = |millis| Timestamp::from_millis(millis);
        let scope = Scope {
            partitions: Chosen::All,
            first: PerPartition::Same(First::Time(time(5))),
            last: PerPartition::Same(Last::Time(time(4))),
        };
        assert!(matches!(scope.check(), Err(Error::Inverted { .. })));
    }
}
