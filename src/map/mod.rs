//! Stage 4: a record becomes what a target's schema wants.
//!
//! A mapping file is read ([`file`]), compiled ([`compile`]) and run ([`plan`]) for every record. Nothing here does
//! I/O after loading, and nothing fails but for a missing required field or an exceeded budget ([`budget`]).

pub mod library; // all sets: embedded ones and a directory of one's own
pub mod set; // the maps a target names; chooses one for a record
pub mod file; // a map as written
pub mod file_schema;
pub mod schema; // what the fields are checked against
pub mod compile; // from written to run
pub mod plan; // a map as run
pub mod encode; // the text formats
pub mod info; // what people want to know of a map
pub mod explain; // where each value comes from
pub mod coverage; // what goes where, of all maps
pub mod native; // what is sent where no map fits
pub mod unmapped; // what a map does not take
pub mod scope; // what may be asked about a record
pub mod evaluation; // values for one record
pub mod expression;
pub mod condition;
pub mod table;
pub mod salt; // what `sha256` mixes in
pub mod function;
pub mod path;
pub mod lookup; // where the parts of one record stand
pub mod syntax;
pub mod item;
pub mod write;
pub mod time;
pub mod budget;
#[cfg(test)]
pub(crate) mod testing;

pub use budget::MapError;
pub use encode::Output;
pub use file_schema::file_schema;
pub use info::MapInfo;
pub use library::{MappingOptions, Mappings};
pub use salt::Salt;
pub use scope::RecordContext;
pub use set::{MappingSet, Rendering};
