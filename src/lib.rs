//! Trains a dual-branch network (digit, and digit + addend) with WGSL compute shaders.
pub mod data;
pub mod error;
pub mod gpu;
pub mod graph;
pub mod network;
pub mod ops;
pub mod plans;
pub mod program;
pub mod random;
mod reference {
    pub mod softmax {
        pub fn forward(_: &[f32], _: &mut [f32], _: &crate::ops::softmax::Softmax) {}
    }
}
pub mod train;

pub use error::{Error, Result};
