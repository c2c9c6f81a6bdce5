//! What several test binaries share.
#![allow(dead_code, reason = "no single test uses all of it")]

pub mod fixture;
pub mod gpu;
pub mod networks;
pub mod program;
pub mod runtimes;
pub mod steps;
