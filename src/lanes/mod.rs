//! The network that the fused plan knows, fast on a CPU: one image to each lane of the vector registers.
//!
//! As many images as a register has lanes are computed at once, the same operations for all of them. A tensor
//! of one image, `[..]`, becomes `[.., lanes]`: a number of all these images lies side by side, a whole register.
//! So a kernel is the loops of its op with a register where the reference has a number; weights are the same
//! for all images and go to all lanes at once. Nothing is shuffled, and no size needs to be a multiple of the
//! lanes. What all these images leave behind, forward and backward, stays in the cache of one core.
//!
//! Each kernel is compiled for every instruction set and chosen when it runs, see [`Instructions`]. What is in
//! reach of a multiply-add is added in a fixed order: the same instruction set gives the same bits.
//!
//! The [reference](mod@crate::reference) is the specification; `tests/lanes.rs` holds every kernel to it.

#![expect(
    clippy::needless_range_loop,
    clippy::manual_memcpy,
    reason = "iterators and copies of registers are compiled apart from the kernel, and become calls"
)]

pub mod adam;
mod aligned;
pub mod augment;
pub mod conv_pool;
mod heads;
mod instructions;
pub mod linear;
mod net;
mod pass;
mod transpose;

pub use aligned::Aligned;
pub use instructions::Instructions;
pub use net::{Example, Net};
pub use pass::Workspace;
