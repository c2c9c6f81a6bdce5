//! Opens what was asked for: a GPU, or the CPU reference where there is none.

use std::sync::Arc;

use serde::Serialize;

use crate::data::Dataset;
use crate::network::Sizes;
use crate::reference::trainer::CpuEngine;
use crate::train::{Engine, Settings};
use crate::{Error, Result};

/// A graphics interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
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

/// The adapter that the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `high-performance`, `low-power`, `software`, `cpu`, an index or a part of a name.
    pub adapter: String,
    /// Only adapters of this interface.
    pub backend: Option<Backend>,
    /// Whether the CPU reference is no substitute.
    pub require_gpu: bool,
}

/// What computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

impl std::fmt::Display for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.driver, self.backend)?;
        if self.software { write!(f, ": a software adapter, it computes on the CPU") } else { Ok(()) }
    }
}

/// An adapter that is open, with nothing on it yet.
pub struct Opened {
    /// What it is.
    pub adapter: Adapter,
}

/// Opens the adapter that `choice` asks for. `say` is told what the user should know, such as a
/// fallback.
///
/// # Errors
///
/// [`Error::Device`] where there is no such adapter.
pub fn open(choice: &Choice, say: &mut dyn FnMut(&str)) -> Result<Opened> {
    match choice.adapter.as_str() {
        "cpu" if choice.require_gpu => Err(Error::Usage(
            "--require-gpu and --adapter cpu contradict each other: drop one of them".into(),
        )),
        "cpu" => Ok(Opened { adapter: cpu_reference() }),
        "high-performance" | "low-power" | "software" if !choice.require_gpu => {
            say("No GPU driver is used yet; computing on the CPU reference instead.");
            Ok(Opened { adapter: cpu_reference() })
        }
        name => Err(Error::Device(format!("there is no adapter `{name}`: see `digit-adder adapters`"))),
    }
}

impl Opened {
    /// Puts the network, with flat `parameters`, and the data set on the adapter.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where a driver refuses a shader or the memory.
    pub fn engine(
        self,
        sizes: Sizes,
        settings: Settings,
        parameters: Vec<f32>,
        dataset: Arc<Dataset>,
    ) -> Result<Box<dyn Engine>> {
        Ok(Box::new(CpuEngine::new(sizes, settings, parameters, dataset)?))
    }
}

/// This program's own loops, on all cores.
fn cpu_reference() -> Adapter {
    let threads = rayon::current_num_threads();
    Adapter {
        name: "CPU reference".into(),
        driver: format!("{threads} threads"),
        backend: "no driver".into(),
        software: true,
    }
}

/// The adapters that there are, one a line, for the user.
///
/// # Errors
///
/// [`Error::Device`] where they cannot be listed.
pub fn adapters(_backend: Option<Backend>) -> Result<String> {
    Ok("cpu: CPU reference".into())
}

/// The dispatches of one training step, one a line, for the user.
///
/// # Errors
///
/// As [`open`].
pub fn schedule(_choice: &Choice, _batch: usize) -> Result<String> {
    Err(Error::Device("the schedule needs a GPU".into()))
}
