//! The network written down as programs, in two ways that compute the same.

pub mod fused;
pub mod layered;

use crate::Result;
use crate::network::Sizes;
use crate::program::Program;
use crate::train::Loss;

/// How the network is cut into dispatches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One op a dispatch, derived by the tape: readable, and what the fused plan is proven against.
    Layered,
    /// Whole stretches of the network a dispatch: the fast one.
    #[default]
    Fused,
}

/// The programs of a network for one batch size.
pub trait Programs {
    /// Forward, backward, optimizer and metrics of one step.
    fn training(&self, batch: usize) -> Result<Program>;

    /// Forward and metrics of one step.
    fn evaluation(&self, batch: usize) -> Result<Program>;

    /// Where the first image's logits of digit and sum lie: the tensor's name, and the first word in it.
    fn logits(&self) -> [(&'static str, usize); 2];
}

impl Kind {
    /// The programs of this kind; the layered ones where the fused kernels cannot take the sizes.
    pub fn programs(self, sizes: Sizes, loss: Loss) -> Box<dyn Programs> {
        let fused = fused::Fused { sizes, loss };
        if self == Self::Fused && fused.training(1).is_ok() {
            return Box::new(fused);
        }
        Box::new(layered::Layered { sizes, loss })
    }
}
