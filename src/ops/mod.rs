//! One file per op: its shapes, its forward dispatches and its backward rule.

pub mod adam;
pub mod add;
pub mod augment;
pub mod batch_sum;
pub mod clip_norm;
pub mod concat;
pub mod conv2d;
pub mod cross_entropy;
pub mod fused;
pub mod gather;
pub mod linear;
pub mod max_pool;
pub mod metrics;
pub mod relu;
pub mod softmax;
