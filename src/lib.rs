//! hub2siem brings what Microsoft Defender for Cloud exports into an Azure event hub to a SIEM, without losing an item.
//!
//! An event travels through seven stages, and so do the modules:
#![forbid(unsafe_code)]

pub mod eventhub; // 1 reads each partition of the hub over AMQP 1.0
pub mod decode; // 2 turns an event into records
pub mod route; // 3 decides which targets want a record
pub mod map; // 4 renders a record as a target's schema wants it
pub mod deliver; // 5 brings rendered records to a target until it confirmed or refused each
pub mod acknowledge; // 6 turns those outcomes into low-water marks
pub mod checkpoint; // 7 stores the marks, and says where to start from

pub mod audit; // what became of every event, in totals that survive a kill
pub mod cli; // the verbs of the command line
pub mod config; // the configuration file and how its errors read
pub mod credential; // tokens of Microsoft Entra ID for hub and targets
pub mod durable; // files that survive a power cut
pub mod emulator; // a hub and a receiver to run against
pub mod mapping_test; // tests of mapping files, and their runner
pub mod event; // the types that pass between the stages
pub mod finding; // what `check --connect` finds, of whatever kind
pub mod proxy; // the HTTP proxy that leads out, for hub, tokens and targets
pub mod pipeline; // the wiring: spawns, supervises and drains the tasks
pub mod telemetry; // metrics, logs and health
