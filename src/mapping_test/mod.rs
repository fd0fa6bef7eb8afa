//! Tests of mapping files: what `hub2siem test` runs for users, and the shipped maps' own tests run through.
//!
//! A test file names a map, an input and what is expected of the output. The input takes the same decode and the same
//! map as an event of the bridge. Deliberately absent: networks, clocks and anything random, so that a test gives the
//! same result everywhere.

pub mod file; // a test file as written
pub mod suite; // and as checked: inputs found, names known
pub mod sample; // records that are embedded in the program, and those of a folder
pub mod find; // test files of a folder
pub mod runner; // one test
pub mod compare; // what differs
pub mod coverage; // every sample through every map
pub mod snapshot; // whole outputs kept beside a test file
pub mod report; // how results read

pub mod carrier; // the event around a record that came from no hub

mod literal; // values of a YAML file as JSON

pub use carrier::carrier;
pub use file::TestFile;
pub use find::find;
pub use runner::{Outcome, run};
pub use sample::Samples;
pub use suite::Suite;
