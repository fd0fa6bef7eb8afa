//! The verbs for people who write maps or look at what was refused, as they are typed: exit codes, what is on standard output and what is not.

mod check; // every peer, tried
mod dead_letters; // list, show, export
mod harness; // the program with its streams
mod mappings; // list, show, export
mod preview; // records at hand
mod test; // tests of maps
