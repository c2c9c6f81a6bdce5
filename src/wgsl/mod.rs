//! Shaders as text: where they come from, how the host's constants are set in them, what they declare, and
//! whether a changed one may replace another. None of it needs a device.

pub mod compatibility;
pub mod dead_code;
mod depth;
pub mod interface;
pub mod library;
pub mod loop_bounds;
pub mod lower;
mod range;
pub mod specialise;
pub mod watch;

pub use library::{Library, SHADERS, Shader, Texts, YARDSTICKS};
pub use lower::lower;
