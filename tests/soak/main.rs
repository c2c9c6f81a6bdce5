//! A training whose shaders are edited all the while, half of the edits broken, whose folder is read meanwhile, and
//! which is stopped and continued: each edit is answered, nothing leaks, and the bits are those of a training that
//! nobody touched.
//!
//! `SOAK_EDITS` and `SOAK_EPOCHS` say how long it takes at least.

#[cfg(unix)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(unix)]
mod edits;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod reader;
#[cfg(unix)]
mod samples;
#[cfg(unix)]
mod soak;

use std::process::ExitCode;

#[cfg(unix)]
fn main() -> ExitCode {
    common::gpu::conclude(vec![common::gpu::trial("edited all the while", |_| soak::soak())])
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
