//! See `tests/mutations/targets.rs`.
#![no_main]

#[path = "../../tests/mutations/targets.rs"]
#[expect(dead_code, reason = "each target runs one of the functions")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::mapping_file(data));
