//! Trains a dual-branch network (digit, and digit + addend) with WGSL compute shaders.
pub mod compare;
pub mod data;
pub mod error;
pub mod gpu;
pub mod graph;
pub mod network;
pub mod ops;
pub mod plans;
pub mod program;
pub mod random;
pub mod reference;
pub mod train;

pub use error::{Error, Result};
