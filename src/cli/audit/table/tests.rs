//! What people see.

use std::collections::BTreeMap;

use super::*;
use crate::acknowledge::Gaps;
use crate::audit::file::Damaged;
use crate::audit::history::{Finding, What};
use crate::audit::places::Group;
use crate::audit::totals::TargetTotals;
use crate::event::PartitionId;

pub(in crate::cli::audit) fn report() -> Report {
    let ends = TargetAccount {
        delivered: 900,
        filtered: 90,
        suppressed: 5,
        repeated: 2,
        letters: BTreeMap::from([(RejectReason::Refused, 1), (RejectReason::TooLarge, 2)]),
    };
    let totals = Totals {
        events: 990,
        records: 1003,
        letters: BTreeMap::from([(RejectReason::Undecodable, 3), (RejectReason::UnroutedUnknown, 1)]),
        targets: BTreeMap::from([("soc-splunk".to_owned(), TargetTotals { records: 1000, ends })]),
        ..Totals::default()
    };
    let day = Day {
        passed: 990,
        to: 4711,
        totals,
        again: Totals {
            events: 10,
            ..Totals::default()
        },
    };
    Report {
        partitions: vec![Partition {
            group: Group {
                host: "contoso.servicebus.windows.net".to_owned(),
                hub: "defender".to_owned(),
                name: "$default".to_owned(),
            },
            partition: PartitionId::new("0"),
            days: BTreeMap::from([(jiff::civil::date(2026, 2, 2), day)]),
            findings: Vec::new(),
            in_flight: 12,
            time: None,
        }],
        damaged: Vec::new(),
        recorded: None,
    }
}

#[test]
fn shows_sums_and_says_that_they_balance() {
    insta::assert_snapshot!(text(&report()), @r"
    consumer group $default of contoso.servicebus.windows.net/defender

    day         partition  up to  received  settled  missing  lost  in flight  read again  records  undecodable  unrouted
    2026-02-02  0           4711      1002      990        0     0         12          10     1003            3         1

    day         partition  target      records  delivered  dead-lettered  filtered  suppressed  repeated  sent again  reasons
    2026-02-02  0          soc-splunk     1000        900              3        90           5         2           0  refused 1, too_large 2

    balanced: 1002 events received = 990 settled + 12 in flight, and every record of them has its end
    ");
}

#[test]
fn says_what_does_not_add_up() {
    let mut report = report();
    let day = jiff::civil::date(2026, 2, 2);
    let partition = &mut report.partitions[0];
    let what = [
        What::Hole {
            after: 9,
            to: 19,
            begins: Some("kafka".to_owned()),
        },
        What::Twice { after: 49, to: 99 },
        What::Numbers {
            from: -1,
            to: 9,
            explained: 13,
        },
        What::Records {
            target: "soc-splunk".to_owned(),
            from: -1,
            to: 9,
            received: 12,
            settled: 10,
        },
        What::Recreated {
            created_at: None,
            last: 9,
        },
        What::Killed {
            in_flight: 3,
            after: 9,
        },
        What::Taken {
            in_flight: 3,
            after: 9,
        },
        What::GivenUp {
            in_flight: 3,
            after: 9,
        },
    ];
    partition.findings = what.map(|what| Finding { day, what }).to_vec();
    let sums = partition.days.get_mut(&day).expect("the day is there");
    sums.totals.gaps = Gaps {
        missing: 1,
        lost: 49,
        repeated: 2,
    };
    report.damaged.push(Damaged {
        path: "state/audit/1/2026-02-02.totals".into(),
        line: 7,
        detail: "its checksum is 00000001 and not 00000002".to_owned(),
    });
    let text = text(&report);
    let (_, sentences) = text
        .rsplit_once("\n\n")
        .expect("there is an empty line after the tables");
    insta::assert_snapshot!(sentences, @r"
    note: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: numbers 50 to 99 were read twice, because the position was set back to 49; both readings are in the sums
    note: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: the hub is another one; number 9 is the last one of the hub before
    note: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: the process ended without a stop; what it sent after number 9 was sent again, with the same event ids (3 events were in flight there)
    note: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: another reader took the partition over; 3 events received after number 9 were read again there, with the same event ids
    note: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: the process stopped before 3 events after number 9 were settled; they were read again
    problem: state/audit/1/2026-02-02.totals:7: the line is damaged: its checksum is 00000001 and not 00000002
    problem: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: numbers 10 to 19 are in no line: Kafka's transactions were ahead of the audit at a kill; the records are in Kafka, their sums are not known
    problem: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: the line after -1 up to 9 passes 10 numbers and explains 13
    problem: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: of the events after -1 up to 9, target soc-splunk was offered 12 records and has the final word on 10
    problem: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: 49 events were lost: the hub removed them before they were read
    problem: 2026-02-02 contoso.servicebus.windows.net/defender/$default partition 0: the hub skipped 1 sequence numbers
    not balanced: 6 problems
    ");
}
