//! How much one invocation of each fused kernel computes: the numbers behind the shaders' constants.

use crate::gpu::adapter::is_software;
use crate::ops::{conv_pool, dense};

/// The tiles of the fused plan. They change how fast a step is, and nothing else: the order of every sum
/// is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// The first convolution.
    pub conv1: conv_pool::Tiles,
    /// The second.
    pub conv2: conv_pool::Tiles,
    /// The linear part.
    pub dense: dense::Tiles,
}

/// Which tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Cut {
    /// Those of software adapters, which compute on the CPU.
    #[default]
    Fat,
    /// Those of all other adapters, which are GPUs.
    Thin,
}

impl From<Cut> for Tiles {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Fat => Self::FAT,
            Cut::Thin => Self::THIN,
        }
    }
}

/// More rows than any image has.
const ALL: usize = usize::MAX;

impl Tiles {
    /// Few invocations that compute much: for drivers on a CPU, where arithmetic costs little and loads
    /// and threads cost much.
    pub const FAT: Self = Self {
        conv1: conv_pool::Tiles { forward: 6, input: 1, rows: ALL, weights: 3 },
        conv2: conv_pool::Tiles { forward: 12, input: 1, rows: ALL, weights: 6 },
        dense: dense::Tiles {
            images: 16,
            threads: 8,
            tile_images: 8,
            tile_outputs: 8,
            uniform: true,
            side: 16,
        },
    };

    /// Many invocations that compute little: for GPUs, whose thousands of lanes must all have work.
    pub const THIN: Self = Self {
        conv1: conv_pool::Tiles { forward: 2, input: 1, rows: 2, weights: 1 },
        conv2: conv_pool::Tiles { forward: 1, input: 1, rows: 2, weights: 1 },
        dense: dense::Tiles {
            images: 4,
            threads: 64,
            tile_images: 1,
            tile_outputs: 4,
            uniform: false,
            side: 4,
        },
    };

    /// Those for an adapter.
    pub fn of(adapter: &wgpu::AdapterInfo) -> Self {
        if is_software(adapter) { Self::FAT } else { Self::THIN }
    }
}
