//! The device side: choosing an adapter, holding a device, reading shaders, replaying a plan.

pub mod adapter;
pub mod device;
pub mod engine;
pub mod interface;
pub mod kernel;
pub mod plan;
pub mod rehearsal;
pub mod reload;
pub mod shader;
pub mod spans;
pub mod timing;

pub use device::Gpu;
pub use kernel::Kernels;
pub use plan::{Buffers, Plan};
pub use rehearsal::Rehearsal;
