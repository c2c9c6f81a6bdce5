//! The device side: choosing an adapter, holding a device, compiling kernels, replaying a schedule, timing it.

pub mod adapter;
pub mod device;
pub mod environment;
mod failure;
pub mod kernel;
#[cfg(target_os = "linux")]
mod placement;
pub mod replay;
pub mod spans;
pub mod timing;

pub use device::Gpu;
pub use failure::hush_losses;
pub use kernel::Kernels;
pub use replay::{Buffers, Replay};
