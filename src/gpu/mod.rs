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
pub use kernel::Kernels;
pub use replay::{Buffers, Replay};

/// Tells that the process is the program's own, not one that uses the library: what wgpu panics with where a device is
/// lost is kept off stderr, and the threads of a software driver may be given CPUs of their own.
pub fn own_the_process() {
    failure::hush_losses();
    #[cfg(target_os = "linux")]
    placement::allow();
}
