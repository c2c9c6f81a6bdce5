//! The device side: choosing an adapter, holding a device, reading shaders, replaying a plan, taking in
//! shaders that change meanwhile.

pub mod adapter;
pub mod device;
pub mod engine;
pub mod interface;
pub mod kernel;
pub mod loops;
pub mod plan;
pub mod prune;
pub mod rehearsal;
pub mod review;
pub mod shader;
pub mod spans;
pub mod timing;
pub mod tune;
pub mod watch;

pub use device::Gpu;
pub use kernel::Kernels;
pub use plan::{Buffers, Plan};
pub use rehearsal::Rehearsal;
