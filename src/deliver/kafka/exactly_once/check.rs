//! `check --connect` on the position topic, which is not written to, read or made by it.

use rdkafka::types::RDKafkaErrorCode;

use crate::deliver::kafka::check::{Found, TopicOptions, warn_of_replicas};
use crate::deliver::kafka::producer::TopicState;
use crate::finding::Problem;

/// What is right with the position topic, and what keeps positions from lasting. Whoever identifies by a token cannot make it
/// (`can_make`).
pub(in crate::deliver::kafka) fn judge(
    state: TopicState,
    options: Result<TopicOptions, String>,
    can_make: bool,
) -> Result<Found, Problem> {
    let replicas = match state {
        TopicState::Present { replicas, .. } => replicas,
        TopicState::Refused(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            return match can_make {
                true => Ok(Found {
                    detail:
                        "positions are kept there; it does not exist and is made at the first start, if we are allowed to"
                            .to_owned(),
                    warnings: Vec::new(),
                }),
                false => Err(Problem::new(
                    "it does not exist, and is not made by itself with `oauthbearer`",
                    "make it with one partition and `cleanup.policy=compact`",
                )),
            };
        }
        TopicState::Refused(code) => {
            return Err(Problem::new(
                code.to_string(),
                "allow us to describe, read and write it",
            ));
        }
    };
    if let Ok(options) = &options
        && options.deletes
    {
        return Err(Problem::new(
            "its `cleanup.policy` deletes, which removes positions",
            "set `cleanup.policy=compact`",
        ));
    }
    let mut found = Found {
        detail: format!(
            "positions are kept there, in {replicas} replicas; whether it may be written to cannot be tried without one"
        ),
        warnings: Vec::new(),
    };
    let mut warn = |text: String| found.warnings.push(text);
    let min_insync_replicas = options
        .as_ref()
        .ok()
        .and_then(|options| options.min_insync_replicas);
    warn_of_replicas(replicas, min_insync_replicas, &mut warn);
    if let Err(cause) = options {
        warn(format!(
            "its configuration could not be read: {cause}; it must be compacted, or positions are gone after its retention"
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compacted() -> TopicOptions {
        TopicOptions {
            min_insync_replicas: Some(2),
            is_compacted: true,
            ..TopicOptions::default()
        }
    }

    fn present(replicas: usize) -> TopicState {
        TopicState::Present {
            partitions: 1,
            replicas,
        }
    }

    #[test]
    fn what_weakens_positions_is_said() {
        let weak = TopicOptions {
            min_insync_replicas: Some(1),
            ..compacted()
        };
        let cases = [
            (3, Ok(compacted()), None),
            (1, Ok(compacted()), Some("one replica")),
            (3, Ok(weak), Some("`min.insync.replicas` is 1")),
            (3, Err("no right".to_owned()), Some("could not be read: no right")),
        ];
        for (replicas, options, expected) in cases {
            let warnings = judge(present(replicas), options, true)
                .expect("positions last")
                .warnings;
            assert_eq!(warnings.len(), usize::from(expected.is_some()), "{warnings:?}");
            assert!(
                warnings
                    .iter()
                    .all(|text| text.contains(expected.unwrap_or_default())),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn a_topic_that_is_missing_is_made_and_one_that_deletes_is_refused() {
        let missing = TopicState::Refused(RDKafkaErrorCode::UnknownTopicOrPartition);
        assert!(judge(missing, Err(String::new()), false).is_err());
        let found = judge(missing, Err(String::new()), true).expect("it is made");
        assert!(found.detail.contains("made at the first start"), "{found:?}");
        let closed = TopicState::Refused(RDKafkaErrorCode::TopicAuthorizationFailed);
        assert!(judge(closed, Err(String::new()), true).is_err());
        let deleting = TopicOptions {
            deletes: true,
            ..compacted()
        };
        let problem = judge(present(3), Ok(deleting), true).expect_err("it deletes");
        assert!(problem.fix.contains("compact"), "{problem:?}");
    }
}
