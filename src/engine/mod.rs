//! What trains: a network and a data set on a GPU, or on the CPU where there is none.

pub mod cpu;
pub mod gpu;
mod listing;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::cpu::CpuEngine;
use self::gpu::{GpuEngine, tune};
pub use self::listing::{Listed, adapters};
use crate::data::{Dataset, PIXELS};
use crate::escape::Shown;
use crate::gpu::{Gpu, Kernels, adapter, environment};
use crate::lanes::Instructions;
use crate::network::Network;
use crate::ops::softmax::Softmax;
use crate::plans::tiles::{CANDIDATES, Tiles};
use crate::plans::{self, augmented};
use crate::reference::softmax;
use crate::train::{Engine, Recipe};
use crate::wgsl::{Library, lower, watch::Watch};
use crate::{Error, Result};

/// A graphics interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// Vulkan.
    Vulkan,
    /// Metal.
    Metal,
    /// Direct3D 12.
    Dx12,
    /// OpenGL or OpenGL ES.
    Gl,
}

impl From<Backend> for wgpu::Backends {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Vulkan => Self::VULKAN,
            Backend::Metal => Self::METAL,
            Backend::Dx12 => Self::DX12,
            Backend::Gl => Self::GL,
        }
    }
}

/// The adapter that the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `high-performance`, `low-power`, `software`, `cpu`, `reference`, an index or a part of a name; where none is given,
    /// `WGPU_POWER_PREF` says it.
    pub adapter: Option<adapter::Preference>,
    /// Only adapters of this interface.
    pub backend: Option<Backend>,
    /// Whether the CPU engine is not an acceptable substitute.
    pub require_gpu: bool,
    /// Whether a software driver is none either.
    pub require_hardware: bool,
    /// Whether to keep what the host does and to time dispatches, see [`Gpu::open_profiled`].
    pub profile: bool,
}

impl Choice {
    /// Refuses a software driver where hardware is required.
    fn refuse_software(&self, info: &wgpu::AdapterInfo) -> Result<()> {
        match self.require_hardware && adapter::is_software(info) {
            false => Ok(()),
            true => Err(Error::Device(format!(
                "--require-gpu=hardware: {} is no hardware. Install the driver of your GPU; \
                 `digit-adder adapters` lists what there is",
                adapter::describe(info)
            ))),
        }
    }

    /// Whether an adapter is what was asked for: a software adapter only where one was meant.
    pub fn is_met_by(&self, adapter: &Adapter) -> bool {
        use adapter::Preference::{HighPerformance, LowPower};
        !(adapter.software && matches!(self.adapter, None | Some(HighPerformance | LowPower)))
    }
}

/// What computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    /// The adapter's name.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// The graphics interface, or `no driver`.
    pub backend: String,
    /// Whether it computes on the CPU.
    pub software: bool,
}

impl Adapter {
    /// What would serve better than a software driver that is reached through OpenGL.
    pub fn advice(&self) -> Option<String> {
        let slow = self.software && self.backend == wgpu::Backend::Gl.to_str();
        slow.then(|| {
            format!(
                "this software driver is used through OpenGL, and one for Vulkan would serve better: install {}, \
                 and choose it with --backend vulkan",
                adapter::PACKAGE
            )
        })
    }
}

impl std::fmt::Display for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.driver, self.backend)?;
        if self.software { write!(f, ": a software adapter, which computes on the CPU") } else { Ok(()) }
    }
}

/// An adapter that is open, with nothing on it yet.
pub struct Opened {
    /// What it is.
    pub adapter: Adapter,
    gpu: Option<Arc<Gpu>>,
    /// Whether the reference was asked for.
    reference: bool,
    kernels: Kernels,
    tiles: Option<Tiles>,
}

/// Opens the adapter that `choice` asks for. Where no driver works at all, `say` receives what was tried
/// and the CPU engine is opened instead, unless a GPU is required or one was named.
///
/// # Errors
///
/// [`Error::Device`] where there is no such adapter, or none at all and one is required; [`Error::Usage`] where
/// the environment asks for something that does not exist.
pub fn open(choice: &Choice, say: &mut dyn FnMut(&str)) -> Result<Opened> {
    let preference = choice.adapter.clone().map_or_else(environment::preference, Ok)?;
    if preference.is_none() {
        if choice.require_gpu {
            return Err(Error::Usage(format!(
                "--require-gpu and --adapter {preference} contradict each other: drop one of them"
            )));
        }
        let reference = preference == adapter::Preference::Reference;
        let adapter = if reference { cpu_reference() } else { cpu_engine() };
        return Ok(Opened { reference, ..Opened::new(adapter, None) });
    }
    match adapter::choose(&preference, choice.backend.map(Into::into)) {
        Ok(chosen) => {
            choice.refuse_software(&chosen.get_info())?;
            let gpu = if choice.profile { Gpu::open_profiled(&chosen)? } else { Gpu::open(&chosen)? };
            Ok(Opened::new(describe(&gpu.info), Some(Arc::new(gpu))))
        }
        Err(adapter::Missing::All(reason)) if !choice.require_gpu => {
            say(&format!("{reason}. Computing on the CPU engine instead"));
            Ok(Opened::new(cpu_engine(), None))
        }
        Err(missing) => Err(missing.into()),
    }
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

fn describe(info: &wgpu::AdapterInfo) -> Adapter {
    Adapter {
        name: info.name.clone(),
        driver: adapter::driver(info),
        backend: info.backend.to_string(),
        software: adapter::is_software(info),
    }
}

/// This program's own kernels, on all cores.
fn cpu_engine() -> Adapter {
    let instructions = Instructions::best().name();
    on_cpu("CPU engine", format!("{} threads, {instructions}", rayon::current_num_threads()))
}

/// Its plain loops, on all cores.
fn cpu_reference() -> Adapter {
    on_cpu("CPU reference", format!("{} threads", rayon::current_num_threads()))
}

fn on_cpu(name: &str, driver: String) -> Adapter {
    Adapter { name: name.into(), driver, backend: "no driver".into(), software: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_software_adapter_is_met_only_where_one_was_meant() {
        let met = |adapter: Option<&str>| {
            let adapter = adapter.map(adapter::Preference::from);
            let choice = Choice {
                adapter,
                backend: None,
                require_gpu: false,
                require_hardware: false,
                profile: false,
            };
            choice.is_met_by(&cpu_engine())
        };
        assert!(met(Some("cpu")) && met(Some("reference")) && met(Some("software")) && met(Some("0")));
        assert!(!met(None) && !met(Some("high-performance")) && !met(Some("low-power")));
    }
}
