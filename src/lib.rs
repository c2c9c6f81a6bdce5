//! Trains a dual-branch network (digit, and digit + addend) with WGSL compute shaders.
pub mod compare;
pub mod data;
pub mod error;
pub mod network;
pub mod ops;
pub mod random;
pub mod reference;
pub mod train;

pub use error::{Error, Result};
