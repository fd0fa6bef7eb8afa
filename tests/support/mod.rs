//! What several integration tests share.
#![expect(
    dead_code,
    reason = "each test file is a program of its own and uses a part of this"
)]

pub mod promql;
pub mod proxy;
