//! Trains a dual-branch network (digit, and digit + addend) with WGSL compute shaders.
pub mod atomic;
pub mod cli;
pub mod compare;
pub mod data;
pub mod engine;
pub mod error;
pub mod model_file;
pub mod network;
pub mod ops;
pub mod picture;
pub mod random;
pub mod reference;
pub mod report;
pub mod train;

pub use error::{Error, Result};
