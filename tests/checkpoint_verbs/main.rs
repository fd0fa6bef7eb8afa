//! `checkpoint list`, `set`, `export` and `import` as they are typed, over an emulated hub and beside running bridges.

mod beside; // a bridge at work
mod export; // from store to store
mod set; // positions that move
mod stage; // hub, configuration, processes
