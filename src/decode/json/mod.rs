//! JSON as the stages need it: borrowed, with exact numbers, bounded in depth.

pub mod value;

pub use value::{Member, Value};
