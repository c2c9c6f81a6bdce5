//! Trains a dual-branch network (digit, and digit + addend) with WGSL compute shaders.
pub mod atomic;
pub mod cli;
pub mod compare;
pub mod data;
pub mod engine;
pub mod error;
pub mod gpu;
pub mod graph;
pub mod model_file;
pub mod network;
pub mod ops;
pub mod picture;
pub mod plans;
pub mod program;
pub mod random;
pub mod reference;
pub mod report;
pub mod selftest;
pub mod train;

pub use error::{Error, Result};
