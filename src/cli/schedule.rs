//! `digit-adder schedule`.

use clap::{Args, ValueEnum};

use super::options;
use crate::network::{Loss, Sizes};
use crate::ops::adam::Adam;
use crate::plans::{Kind, tiles::Tiles};
use crate::report::{console, schedule};
use crate::train::Recipe;
use crate::train::recipe::batch_size;
use crate::wgsl::{Library, lower};

/// Flags of `schedule`.
#[derive(Debug, Args)]
pub(super) struct Schedule {
    /// How the network is cut into dispatches
    #[arg(long, value_enum, default_value_t)]
    plan: Kind,
    /// The tiles of the fused plan, which depend on the adapter
    #[arg(long, value_enum, default_value_t)]
    tiles: Cut,
    /// The loss to minimise
    #[arg(long, value_enum, default_value_t)]
    loss: Loss,
    /// Images of a training step
    #[arg(long, value_name = "N", default_value_t = Recipe::default().batch_size, value_parser = batch_size)]
    batch_size: usize,
    /// Print all that a device replays as one JSON object: buffers, kernels with their WGSL, steps
    #[arg(long)]
    json: bool,
}

/// Which tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Cut {
    /// Those of software adapters, which compute on the CPU
    #[default]
    Fat,
    /// Those of software adapters whose invocations cannot read each other's values
    Alone,
    /// Between fat and thin
    Middle,
    /// Those of all other adapters, which are GPUs
    Thin,
}

impl From<Cut> for Tiles {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Fat => Self::FAT,
            Cut::Alone => Self::ALONE,
            Cut::Middle => Self::MIDDLE,
            Cut::Thin => Self::THIN,
        }
    }
}

impl Schedule {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let network = Sizes::default().network()?;
        let plan = options::fitting(self.plan, &network);
        let programs = plan.programs(&network, self.loss, Adam::default(), self.tiles.into());
        let schedule = lower(&programs.training(self.batch_size)?, &Library::Embedded)?;
        let json = || serde_json::to_string_pretty(&schedule);
        Ok(console::print(&if self.json { json()? } else { schedule::listing(&schedule) })?)
    }
}
