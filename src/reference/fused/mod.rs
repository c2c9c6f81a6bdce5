//! The ops of the fused plan, composed of those that they fuse.

pub mod conv_pool;
pub mod linear_layers;
pub mod linear_layers_gradients;
