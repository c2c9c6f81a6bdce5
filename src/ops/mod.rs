//! One file per op.
pub mod adam;
pub mod concat;
pub mod conv2d;
pub mod cross_entropy;
pub mod linear;
pub mod max_pool;
pub mod softmax;
