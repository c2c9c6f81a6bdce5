//! The bodies of the fuzz targets, which `cargo test --test fuzzed` runs too.

#[path = "../../tests/fuzzed/targets/mod.rs"]
pub mod targets;
