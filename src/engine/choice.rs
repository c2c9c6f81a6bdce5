//! What the user asks for, and what for.

use serde::{Deserialize, Serialize};

use super::Adapter;
use crate::gpu::adapter::{self, Preference};
use crate::gpu::environment;
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

/// What an adapter is wanted for. It decides where none is named and there is no GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Many images: the faster of a software driver and the CPU engine.
    Speed,
    /// A few images: the CPU engine, which has nothing to compile.
    Few,
    /// Dispatches, shaders or tiles, which only a driver has.
    Dispatches,
}

/// The adapter that the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `auto`, `high-performance`, `low-power`, `software`, `cpu`, `reference`, an index or a part of a name; where
    /// none is given, `WGPU_POWER_PREF` says it, and else it is `auto`.
    pub adapter: Option<Preference>,
    /// Only adapters of this interface.
    pub backend: Option<Backend>,
    /// Whether the CPU engine is not an acceptable substitute.
    pub require_gpu: bool,
    /// Whether a software driver is none either.
    pub require_hardware: bool,
    /// Whether to keep what the host does and to time dispatches, see [`crate::gpu::Gpu::open_profiled`].
    pub profile: bool,
    /// What it is wanted for.
    pub purpose: Purpose,
    /// What computed before, where a training is continued: `auto` keeps to it.
    pub before: Option<Adapter>,
}

impl Choice {
    /// Refuses a software driver where hardware is required.
    pub(super) fn refuse_software(&self, info: &wgpu::AdapterInfo) -> Result<()> {
        match self.require_hardware && adapter::is_software(info) {
            false => Ok(()),
            true => Err(Error::Device(format!(
                "--require-gpu=hardware: {} is no hardware. Name another with --adapter, or install the driver of \
                 your GPU; `digit-adder adapters` lists what there is",
                adapter::describe(info)
            ))),
        }
    }

    /// Whether an adapter is what was asked for: a software adapter only where one was meant.
    pub fn is_met_by(&self, adapter: &Adapter) -> bool {
        use Preference::{Auto, HighPerformance, LowPower};
        !(adapter.software && matches!(self.adapter, None | Some(Auto | HighPerformance | LowPower)))
    }

    /// Whether an interface is named, here or in the environment.
    pub(super) fn names_backend(&self) -> bool {
        self.backend.is_some() || environment::names_backends()
    }

    /// What is asked for: by the user, or else by the environment.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Usage`] where the environment asks for something that does not exist.
    pub(super) fn preference(&self) -> Result<Preference> {
        self.adapter.clone().map_or_else(environment::preference, Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_software_adapter_is_met_only_where_one_was_meant() {
        let met = |adapter: Option<&str>| {
            let adapter = adapter.map(Preference::from);
            let (backend, purpose, before) = (None, Purpose::Speed, None);
            let required = Choice {
                adapter,
                backend,
                require_gpu: false,
                require_hardware: false,
                profile: false,
                purpose,
                before,
            };
            required.is_met_by(&Adapter::cpu_engine())
        };
        assert!(met(Some("cpu")) && met(Some("reference")) && met(Some("software")) && met(Some("0")));
        assert!(
            !met(None) && !met(Some("auto")) && !met(Some("high-performance")) && !met(Some("low-power"))
        );
    }
}
