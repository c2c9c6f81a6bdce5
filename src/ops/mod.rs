//! One file per op.
pub mod conv2d;
pub mod linear;
pub mod max_pool;
