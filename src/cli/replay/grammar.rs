//! How partitions, ends of a range and rates are written.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

use crate::config;
use crate::event::{PartitionId, SequenceNumber, Timestamp};
use crate::pipeline::replay::{Chosen, First, Last, PerPartition};

/// `all`, `0` or `0,3`.
pub(in crate::cli) fn partitions(text: &str) -> Result<Chosen, String> {
    if text.trim() == "all" {
        return Ok(Chosen::All);
    }
    let names = text.split(',').map(name);
    names.collect::<Result<BTreeSet<_>, _>>().map(Chosen::These)
}

/// One end for all partitions, or `0=END,3=END`.
pub(super) fn ends<T>(
    text: &str,
    end: impl Fn(&str) -> Result<T, String>,
) -> Result<PerPartition<T>, String> {
    if !text.contains('=') {
        return end(text).map(PerPartition::Same);
    }
    let mut ends = BTreeMap::new();
    for part in text.split(',') {
        let (partition, position) = part
            .split_once('=')
            .ok_or_else(|| format!("`{part}` names no partition; write `PARTITION=POSITION`"))?;
        let partition = name(partition)?;
        if ends.insert(partition.clone(), end(position)?).is_some() {
            return Err(format!("partition `{partition}` is named twice"));
        }
    }
    Ok(PerPartition::Each(ends))
}

/// The beginning of a range; an age is before `now`.
pub(super) fn first(text: &str, now: Timestamp) -> Result<First, String> {
    match position(text, now) {
        _ if text == "earliest" => Ok(First::Earliest),
        Some(Position::Number(number)) => Ok(First::Number(number)),
        Some(Position::Time(time)) => Ok(First::Time(time)),
        None => Err(expected("earliest")),
    }
}

/// The end of a range; an age is before `now`.
pub(super) fn last(text: &str, now: Timestamp) -> Result<Last, String> {
    match position(text, now) {
        _ if text == "latest" => Ok(Last::Latest),
        Some(Position::Number(number)) => Ok(Last::Number(number)),
        Some(Position::Time(time)) => Ok(Last::Time(time)),
        None => Err(expected("latest")),
    }
}

/// `500/s`, `30000/m`, `1000000/h`. What may pass at once after a pause is the share of one second.
pub(in crate::cli) fn rate(text: &str) -> Result<Quota, String> {
    let parsed = || {
        let (records, unit) = text.split_once('/')?;
        let records: NonZeroU32 = records.trim().parse().ok()?;
        let unit = match unit.trim() {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return None,
        };
        let in_a_second = f64::from(records.get()) / unit.as_secs_f64();
        let burst = NonZeroU32::new(in_a_second as u32).unwrap_or(NonZeroU32::MIN);
        let period = (unit / records.get()).max(Duration::from_nanos(1));
        Some(Quota::with_period(period)?.allow_burst(burst))
    };
    parsed().ok_or_else(|| {
        "write a whole number of records and `s`, `m` or `h`, such as `500/s` or `30000/m`".to_owned()
    })
}

/// A place that is no word.
enum Position {
    Number(SequenceNumber),
    Time(Timestamp),
}

fn position(text: &str, now: Timestamp) -> Option<Position> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return text.parse().ok().map(SequenceNumber).map(Position::Number);
    }
    if let Some(age) = config::Duration::parse(text) {
        let age = i64::try_from(age.get().as_millis()).ok()?;
        let time = now.as_millis().checked_sub(age)?;
        return Some(Position::Time(Timestamp::from_millis(time)));
    }
    Timestamp::parse(text).map(Position::Time)
}

fn name(text: &str) -> Result<PartitionId, String> {
    match text.trim() {
        "" => Err("a partition has no name".to_owned()),
        name => Ok(PartitionId::new(name)),
    }
}

fn expected(word: &str) -> String {
    format!(
        "write `{word}`, a time such as `2026-03-01T08:00:00Z`, an age such as `2h`, or a sequence number such as `4711`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_353_800_500);

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("it is a time")
    }

    #[test]
    fn reads_every_form_of_an_end() {
        for (text, expected) in [
            ("earliest", Some(First::Earliest)),
            ("latest", None),
            ("4711", Some(First::Number(SequenceNumber(4711)))),
            ("0", Some(First::Number(SequenceNumber(0)))),
            ("-1", None),
            ("#4711", None),
            ("99999999999999999999", None),
            ("2h", Some(First::Time(time("2026-03-01T06:30:00.5Z")))),
            ("7d", Some(First::Time(time("2026-02-22T08:30:00.5Z")))),
            (
                "2026-03-01T08:00:00Z",
                Some(First::Time(time("2026-03-01T08:00:00Z"))),
            ),
            (
                "2026-03-01T09:00:00+01:00",
                Some(First::Time(time("2026-03-01T08:00:00Z"))),
            ),
            ("2026-03-01", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(first(text, NOW).ok(), expected, "{text}");
        }
        assert_eq!(last("latest", NOW), Ok(Last::Latest));
        assert_eq!(last("10m", NOW), Ok(Last::Time(time("2026-03-01T08:20:00.5Z"))));
        assert_eq!(
            last("earliest", NOW).expect_err("it is no end"),
            "write `latest`, a time such as `2026-03-01T08:00:00Z`, an age such as `2h`, or a sequence number such as `4711`"
        );
    }

    #[test]
    fn reads_partitions_and_an_end_for_each() {
        let these = |names: &[&'static str]| {
            Chosen::These(names.iter().map(|name| PartitionId::new(*name)).collect())
        };
        for (text, expected) in [
            ("all", Some(Chosen::All)),
            ("3", Some(these(&["3"]))),
            ("0, 10,2", Some(these(&["0", "2", "10"]))),
            ("0,", None),
            ("", None),
        ] {
            assert_eq!(partitions(text).ok(), expected, "{text}");
        }
        let read = |text| ends(text, |text| first(text, NOW));
        let each = |ends: &[(&'static str, First)]| {
            PerPartition::Each(
                ends.iter()
                    .map(|(name, end)| (PartitionId::new(*name), *end))
                    .collect(),
            )
        };
        assert_eq!(
            read("0=4711,1=17"),
            Ok(each(&[
                ("0", First::Number(SequenceNumber(4711))),
                ("1", First::Number(SequenceNumber(17))),
            ]))
        );
        assert_eq!(
            read("2=2026-03-01T08:00:00Z"),
            Ok(each(&[("2", First::Time(time("2026-03-01T08:00:00Z")))]))
        );
        assert_eq!(read("earliest"), Ok(PerPartition::Same(First::Earliest)));
        for text in ["0=1,0=2", "0=1,2", "=1", "0="] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_rates() {
        let figures = |text| {
            let quota = rate(text).expect("it is a rate");
            (quota.burst_size().get(), quota.replenish_interval())
        };
        assert_eq!(figures("500/s"), (500, Duration::from_millis(2)));
        assert_eq!(figures("30000/m"), (500, Duration::from_millis(2)));
        assert_eq!(figures("60/h"), (1, Duration::from_secs(60)));
        for text in ["500", "0/s", "500/d", "-1/s", "1.5/s", "/s", ""] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
