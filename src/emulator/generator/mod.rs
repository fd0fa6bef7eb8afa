//! A generator of realistic export items: what the demo, the tests and the benchmarks send into a hub.
//!
//! Every item kind of the export is a template in `templates/`, with invented values. A body is a template with the
//! values of one [`scene`] filled in; now and then it is wrapped, put together with others or broken ([`twist`]).
//! The same seed gives the same bodies. Deliberately absent: sending, and any knowledge of how the bridge decodes.

mod estate; // the tenants, machines and people the items are about
mod feed; // the generator itself
mod random; // numbers from a seed
mod scene; // the values of one item
mod template; // templates, compiled
mod ticks; // moments in the resolution of the export
mod twist; // what happens to a body on its way: batches, wrappers, damage

pub use feed::{Generated, Generator};
