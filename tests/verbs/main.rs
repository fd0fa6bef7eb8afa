//! The verbs for people who write maps, as they are typed: exit codes, what is on standard output and what is not.

mod harness; // the program with its streams
mod mappings; // list, show, export
mod preview; // records at hand
mod test; // tests of maps
