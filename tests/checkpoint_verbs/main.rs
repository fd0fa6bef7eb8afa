//! `checkpoint list`, `set`, `export` and `import` as they are typed, over an emulated hub and beside running bridges.

#[expect(dead_code, reason = "several test programs use a part of this")]
#[path = "../support/azurite/mod.rs"]
mod azurite;

mod beside; // a bridge at work
mod blob_store; // the same in a container
mod export; // from store to store
mod legacy; // from other consumers
mod set; // positions that move
mod stage; // hub, configuration, processes
