//! JSON as the stages need it: borrowed, with exact numbers, bounded in depth.

pub mod value;
pub mod parse;
mod scan;
mod unescape;
pub mod write;

pub use parse::{MAX_DEPTH, ParseError, parse, parse_next};
pub use value::{Member, Value};
pub use write::{write_string, write_value};

#[cfg(test)]
mod tests;
