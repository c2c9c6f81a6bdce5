//! How much one invocation of each fused kernel computes: the numbers behind the shaders' constants.

use crate::gpu::Gpu;
use crate::gpu::adapter::is_software;
use crate::ops::fused::conv_pool::ConvTiles;
use crate::ops::fused::linear_layers::LinearTiles;
use crate::ops::fused::linear_layers_gradients::GradientTile;
use crate::program::limits::LANES;

/// The tiles of the fused plan. They change how fast a step is, but not the order of any sum; only
/// a driver's compiler may round in other places.
///
/// None has been measured on a GPU yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// The first convolution.
    pub conv1: ConvTiles,
    /// The second.
    pub conv2: ConvTiles,
    /// The linear layers.
    pub linear: LinearTiles,
}

/// More rows than any image has.
const ALL: usize = usize::MAX;

/// What `--tune` tries, by name.
pub const CANDIDATES: [(&str, Tiles); 4] =
    [("fat", Tiles::FAT), ("alone", Tiles::ALONE), ("middle", Tiles::MIDDLE), ("thin", Tiles::THIN)];

impl Tiles {
    /// Few invocations that compute much: for drivers on a CPU, where arithmetic costs little and loads
    /// and threads cost much.
    pub const FAT: Self = Self {
        // With six channels of weights an invocation would loop more often than such a driver lets it.
        conv1: ConvTiles { forward: 6, rows: ALL, weights: 3, lanes: LANES },
        conv2: ConvTiles { forward: 12, rows: ALL, weights: 6, lanes: LANES },
        linear: LinearTiles {
            images: 16,
            threads: 8,
            tile_images: 16,
            tile_outputs: 4,
            uniform: true,
            lanes: LANES,
            gradients: GradientTile { outputs: 32, inputs: 8, lanes: LANES },
        },
    };

    /// The same where invocations cannot read each other's values.
    pub const ALONE: Self = Self {
        conv1: ConvTiles { lanes: 1, ..Self::FAT.conv1 },
        conv2: ConvTiles { lanes: 1, ..Self::FAT.conv2 },
        linear: LinearTiles {
            tile_images: 8,
            tile_outputs: 8,
            lanes: 1,
            gradients: GradientTile { outputs: 16, inputs: 16, lanes: 1 },
            ..Self::FAT.linear
        },
    };

    /// Between fat and thin: for CPUs with many cores, and for small GPUs.
    pub const MIDDLE: Self = Self {
        conv1: ConvTiles { forward: 3, rows: ALL, weights: 2, lanes: 1 },
        conv2: ConvTiles { forward: 4, rows: 4, weights: 2, lanes: 1 },
        linear: LinearTiles {
            images: 8,
            threads: 32,
            tile_images: 4,
            tile_outputs: 4,
            uniform: false,
            lanes: 1,
            gradients: GradientTile { outputs: 8, inputs: 8, lanes: 1 },
        },
    };

    /// Many invocations that compute little: for GPUs, whose thousands of lanes must all have work.
    pub const THIN: Self = Self {
        conv1: ConvTiles { forward: 2, rows: 2, weights: 1, lanes: 1 },
        conv2: ConvTiles { forward: 1, rows: 2, weights: 1, lanes: 1 },
        linear: LinearTiles {
            images: 4,
            threads: 64,
            tile_images: 1,
            tile_outputs: 4,
            uniform: false,
            lanes: 1,
            gradients: GradientTile { outputs: 4, inputs: 4, lanes: 1 },
        },
    };

    /// Those of a software adapter with this many lanes.
    pub const fn fat(lanes: usize) -> Self {
        if lanes == LANES { Self::FAT } else { Self::ALONE }
    }

    /// Those for a device.
    pub fn of(gpu: &Gpu) -> Self {
        if is_software(&gpu.info) { Self::fat(gpu.lanes) } else { Self::THIN }
    }
}
