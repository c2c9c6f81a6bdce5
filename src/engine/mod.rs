//! What trains: a network and a data set on a GPU, or on the CPU where there is none.

mod adapter;
mod choice;
pub mod cpu;
pub mod gpu;
mod listing;
mod open;
mod trial;

use std::sync::Arc;

pub use self::adapter::Adapter;
pub use self::choice::{Backend, Choice, Purpose};
use self::cpu::CpuEngine;
use self::gpu::{GpuEngine, tune};
pub use self::listing::{Listed, adapters};
pub use self::open::open;
use crate::data::{Dataset, PIXELS};
use crate::escape::Shown;
use crate::gpu::{Gpu, Kernels};
use crate::network::Network;
use crate::ops::softmax::Softmax;
use crate::plans::tiles::{CANDIDATES, Tiles};
use crate::plans::{self, augmented};
use crate::reference::softmax;
use crate::train::{Engine, Recipe};
use crate::wgsl::{Library, lower, watch::Watch};
use crate::{Error, Result};

/// An adapter that is open, with nothing on it yet. Its copies are of the same device.
#[derive(Clone)]
pub struct Opened {
    /// What it is.
    pub adapter: Adapter,
    gpu: Option<Arc<Gpu>>,
    /// Whether the reference was asked for.
    reference: bool,
    kernels: Kernels,
    tiles: Option<Tiles>,
}

impl Opened {
    fn new(adapter: Adapter, gpu: Option<Arc<Gpu>>) -> Self {
        Self { adapter, gpu, reference: false, kernels: Kernels::new(false), tiles: None }
    }

    /// The device, unless it is the CPU.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.gpu.as_ref()
    }

    /// The device on which tiles can be tried.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where there is nothing to choose: for the layered plan and on the CPU.
    pub fn tunable(&self, network: &Network, plan: plans::Kind) -> Result<&Gpu> {
        if plan == plans::Kind::Layered || plan.refusal(network).is_some() {
            return Err(Error::Usage("--tune needs the fused plan: the layered one has no tiles".into()));
        }
        let no_gpu = || Error::Usage("--tune needs a GPU: the CPU has no tiles".into());
        self.gpu.as_deref().ok_or_else(no_gpu)
    }

    /// Which of [`CANDIDATES`] the network is cut into; none on the CPU and in the layered plan.
    pub fn tiles(&self, network: &Network, plan: plans::Kind) -> Option<&'static str> {
        let gpu = self.tunable(network, plan).ok()?;
        let tiles = self.tiles.unwrap_or_else(|| Tiles::of(gpu));
        CANDIDATES.iter().find(|(_, candidate)| *candidate == tiles).map(|(name, _)| *name)
    }

    /// Cuts the network into tiles of [`CANDIDATES`] by their name.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a name that is not there.
    pub fn cut(&mut self, name: &str) -> Result<()> {
        let tiles = CANDIDATES.iter().find(|(candidate, _)| *candidate == name);
        let (_, tiles) =
            tiles.ok_or_else(|| Error::Usage(format!("there are no tiles called `{}`", name.shown())))?;
        self.tiles = Some(*tiles);
        Ok(())
    }

    /// The device whose shaders can be swapped.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] on the CPU.
    pub fn reloadable(&self) -> Result<&Gpu> {
        let no_gpu = || Error::Usage("--hot-reload needs a GPU: the CPU has no shaders".into());
        self.gpu.as_deref().ok_or_else(no_gpu)
    }

    /// Chooses the fastest tiles for the fused plan by trying them; `say` receives their times.
    ///
    /// # Errors
    ///
    /// As [`Self::tunable`]; [`Error::Device`] where the device refuses all of them.
    pub fn tune(
        &mut self,
        network: &Network,
        recipe: &Recipe,
        parameters: &[f32],
        say: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let gpu = self.tunable(network, recipe.plan)?;
        self.tiles = Some(tune::tune(gpu, network, recipe, parameters, say)?);
        Ok(())
    }

    /// Makes the pipelines of a training step, which the first step would make otherwise: so other work can
    /// run beside it.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where a driver refuses a shader; [`Error::Usage`] for a batch that the kernels cannot
    /// handle.
    pub fn prepare(&mut self, network: &Network, recipe: &Recipe) -> Result<()> {
        let Some(gpu) = &self.gpu else { return Ok(()) };
        let tiles = self.tiles.unwrap_or_else(|| Tiles::of(gpu));
        let programs = recipe.plan.programs(network, recipe.loss(), recipe.adam(), tiles);
        let mut needed = vec![programs.training(recipe.batch_size)?];
        if !recipe.augment.is_none() {
            needed.push(augmented::program(&recipe.augment));
        }
        for program in needed {
            self.kernels.get(gpu, &lower(&program, &Library::Embedded)?.kernels)?;
        }
        Ok(())
    }

    /// Puts the network, with flat `parameters`, and the data set on the adapter.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where a driver refuses a shader or the memory; [`Error::Usage`] where the CPU
    /// is to watch shaders.
    pub fn engine(
        self,
        network: Network,
        recipe: &Recipe,
        parameters: Vec<f32>,
        dataset: Arc<Dataset>,
        watch: Option<Watch>,
    ) -> Result<Box<dyn Engine>> {
        if watch.is_some() {
            self.reloadable()?;
        }
        let Some(gpu) = self.gpu else {
            let new = if self.reference { CpuEngine::reference } else { CpuEngine::new };
            return Ok(Box::new(new(network, recipe.clone(), parameters, dataset)?));
        };
        let mut engine = GpuEngine::new(gpu, self.kernels, network, recipe.clone(), parameters, &dataset)?;
        if let Some(tiles) = self.tiles {
            engine.cut(tiles);
        }
        if let Some(watch) = watch {
            engine.watch(watch)?;
        }
        Ok(Box::new(engine))
    }
}

/// Fails where no engine can train a network with a recipe.
fn check(network: &Network, recipe: &Recipe) -> Result<()> {
    if recipe.batch_size == 0 {
        return Err(Error::Usage("the batch size is 0; it must be at least 1".into()));
    }
    match network.pixels() {
        PIXELS => Ok(()),
        n => Err(Error::Usage(format!(
            "the network takes images of {n} pixels, but the data sets have {PIXELS}"
        ))),
    }
}

/// Softmax of one image's logits.
fn probabilities(logits: &[f32]) -> Vec<f32> {
    let mut probabilities = vec![0.0; logits.len()];
    softmax::forward(&Softmax { batch: 1, classes: logits.len() }, logits, &mut probabilities);
    probabilities
}
