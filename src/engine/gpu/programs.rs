//! What the engine computes with: the programs of its network, the shaders, and the kernels made of them.

use super::split::Purpose;
use crate::Result;
use crate::gpu::{Buffers, Gpu, Kernels, Replay};
use crate::network::Network;
use crate::plans::{self, tiles::Tiles};
use crate::program::Program;
use crate::train::Recipe;
use crate::wgsl::Library;

/// Programs, shaders and kernels.
pub(super) struct Programs {
    pub plan: Box<dyn plans::Programs>,
    pub library: Library,
    pub kernels: Kernels,
}

impl Programs {
    /// Those of a network, with a recipe's plan, loss and optimizer, in these tiles.
    pub(super) fn new(network: &Network, recipe: &Recipe, tiles: Tiles, kernels: Kernels) -> Self {
        let plan = recipe.plan.programs(network, recipe.loss(), recipe.adam(), tiles);
        Self { plan, library: Library::Embedded, kernels }
    }

    /// The program of a step of `batch` images.
    pub(super) fn program(&self, purpose: Purpose, batch: usize) -> Result<Program> {
        match purpose {
            Purpose::Training => self.plan.training(batch),
            Purpose::Evaluation(_) => self.plan.evaluation(batch),
        }
    }

    /// The same, ready to run on these shared buffers.
    pub(super) fn replay(
        &mut self,
        gpu: &Gpu,
        purpose: Purpose,
        batch: usize,
        shared: &Buffers,
    ) -> Result<Replay> {
        let program = self.program(purpose, batch)?;
        Replay::new(gpu, &mut self.kernels, &self.library, program, shared)
    }
}
