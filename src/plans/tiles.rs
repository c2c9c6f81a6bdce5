//! How much one invocation of each fused kernel computes: the numbers behind the shaders' constants.

use crate::gpu::adapter::is_software;
use crate::ops::{conv_pool, dense};

/// The tiles of the fused plan. They change how fast a step is. The order of every sum stays; only what
/// a driver's compiler makes of it may be rounded in other places.
///
/// None has been measured on a GPU yet.
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

/// What `--tune` tries, by name.
pub const CANDIDATES: [(&str, Tiles); 4] =
    [("fat", Tiles::FAT), ("wide", Tiles::WIDE), ("middle", Tiles::MIDDLE), ("thin", Tiles::THIN)];

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

    /// The fat ones with a larger tile of the linear part, which takes a software driver longer to compile.
    pub const WIDE: Self = Self { dense: dense::Tiles { tile_outputs: 16, ..Self::FAT.dense }, ..Self::FAT };

    /// Between fat and thin: for CPUs with many cores, and for small GPUs.
    pub const MIDDLE: Self = Self {
        conv1: conv_pool::Tiles { forward: 3, input: 1, rows: ALL, weights: 2 },
        conv2: conv_pool::Tiles { forward: 4, input: 1, rows: 4, weights: 2 },
        dense: dense::Tiles {
            images: 8,
            threads: 32,
            tile_images: 4,
            tile_outputs: 4,
            uniform: false,
            side: 8,
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
