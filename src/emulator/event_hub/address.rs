//! Addresses of links: what a path below the hub names.

use super::faults::Condition;
use super::hub::Hub;

/// Splits an address into the words below the hub: a bare path, one with a leading slash, or a whole URL.
pub(super) fn below_hub<'a>(hub: &Hub, address: &'a str) -> Result<Vec<&'a str>, Condition> {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address.trim_start_matches('/'),
    };
    let mut words = path.trim_end_matches('/').split('/');
    let name = words.next().unwrap_or_default();
    if !name.eq_ignore_ascii_case(&hub.options.hub) {
        return Err(not_found(address));
    }
    Ok(words.collect())
}

/// Number of the partition with this id.
pub(super) fn partition(hub: &Hub, id: &str) -> Result<usize, Condition> {
    let count = hub.log().partitions.len();
    match id.parse::<usize>() {
        Ok(partition) if partition < count => Ok(partition),
        _ => Err(Condition::new(
            "com.microsoft:argument-out-of-range",
            format!(
                "The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and {}.",
                count - 1
            ),
        )),
    }
}

/// Whether a consumer group exists.
pub(super) fn has_consumer_group(hub: &Hub, group: &str) -> bool {
    let known = &hub.options.consumer_groups;
    group.eq_ignore_ascii_case("$Default")
        || known.is_empty()
        || known.iter().any(|name| name.eq_ignore_ascii_case(group))
}

/// The refusal of an address that names nothing.
pub(super) fn not_found(address: &str) -> Condition {
    Condition::new(
        "amqp:not-found",
        format!("The messaging entity '{address}' could not be found."),
    )
}
