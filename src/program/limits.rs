//! What a program may ask of a device.

use super::structs::Cursor;

/// What the kernels may use of any device: the limits of small devices, or WebGPU's own defaults where
/// those are not enough.
pub const LIMITS: wgpu::Limits = wgpu::Limits {
    max_storage_buffers_per_shader_stage: 8,
    max_uniform_buffer_binding_size: 65_536,
    max_immediate_size: size_of::<Cursor>() as u32,
    ..wgpu::Limits::downlevel_defaults()
};

/// Invocations that a software driver runs as one vector.
pub const LANES: usize = 8;

/// A software driver silently ends all loops of an invocation after this many iterations.
pub const ITERATIONS: u64 = 65_535;

/// Bytes that the private variables of an entry may have, and those of a function: what WGSL asks of every compiler.
/// A software driver has them on its stack.
pub const VARIABLES: u64 = 8192;
