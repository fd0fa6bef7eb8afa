//! The whole bridge in process, between an emulated hub and emulated receivers, under faults: nothing is lost, nothing
//! is invented, nothing is changed, no checkpoint passes an unsettled record, and when the faults end all goes on.

#[path = "../support/mod.rs"]
mod support;

mod items;
mod files;
mod plan;
mod oracle;
mod run;
mod stage;

mod schedule;

mod fan_in;
mod groups;
mod undeliverable;
mod positions;
mod reload;
mod stopping;
mod health;
mod silence;
mod stuck;
mod changes_only;
mod seeds;
