//! Who else reads a partition, by the text of `amqp:link:stolen`: the service names receivers there and nowhere else.

/// Longer names are cut; they come from another program.
const MAX_NAME_CHARACTERS: usize = 128;
/// What the service writes for a receiver without a name.
const NAMELESS: &str = "nil";

/// Name of the receiver that took the partition or holds it, if the service knows one. Without control characters, so that
/// it can stand in a log.
pub fn name(detail: &str) -> Option<String> {
    let rest = match detail.split_once("New receiver '") {
        Some((_, rest)) => rest,
        // Of two receivers in this sentence the first one is the other.
        None => {
            let (before, _) = detail.split_once("' with a higher epoch")?;
            before.rsplit_once("Receiver '")?.1
        }
    };
    // A name may hold an apostrophe, but hardly these words.
    let name = rest.split_once("' with ").map_or(rest, |(name, _)| name);
    let name: String = name
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_NAME_CHARACTERS)
        .collect();
    (!name.is_empty() && name != NAMELESS).then_some(name)
}

/// One sentence about who has the partition.
pub fn describe(detail: &str) -> String {
    let who = match name(detail) {
        Some(name) => format!("receiver `{name}`"),
        None => "a receiver that gives no name".to_owned(),
    };
    format!("another program reads it in the same consumer group: {who}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a partition is taken from us, or refused to us, with and without a name, in the words of the service.
    /// Guarantees: the other receiver is named, never ourselves, and in one line.
    #[test]
    fn finds_the_other_receiver() {
        let stolen = |name: &str| {
            format!(
                "amqp:link:stolen: New receiver '{name}' with higher epoch of '0' is created hence current receiver 'me' with \
                 epoch '0' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used."
            )
        };
        let higher = |name: &str| {
            format!(
                "amqp:link:stolen: Receiver '{name}' with a higher epoch of '7' already exists. Receiver 'me' with epoch 0 \
                 cannot be created."
            )
        };
        let long = "x".repeat(500);
        let cases = [
            (stolen("logstash-7"), Some("logstash-7")),
            (stolen("it's mine"), Some("it's mine")),
            (stolen("nil"), None),
            (stolen(""), None),
            (stolen("two\nlines"), Some("twolines")),
            (stolen(&long), Some(&long[..MAX_NAME_CHARACTERS])),
            (higher("other"), Some("other")),
            (higher("nil"), None),
            (
                "At least one receiver for the endpoint is created with epoch of '1', and so non-epoch receiver is not allowed."
                    .to_owned(),
                None,
            ),
            (String::new(), None),
        ];
        for (detail, expected) in cases {
            assert_eq!(name(&detail).as_deref(), expected, "{detail}");
        }
        assert_eq!(
            describe(&stolen("logstash-7")),
            "another program reads it in the same consumer group: receiver `logstash-7`"
        );
    }
}
