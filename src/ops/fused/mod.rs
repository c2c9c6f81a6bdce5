//! The ops of the fused plan, each of which computes what several of the layered plan's do.

pub mod conv_pool;
pub mod linear_layers;
pub mod linear_layers_gradients;
