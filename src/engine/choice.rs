//! What the user asks for, and what for.

use serde::{Deserialize, Serialize};

use super::Adapter;
use crate::Result;
use crate::gpu::adapter::Preference;
use crate::gpu::environment;

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
    /// Whether to keep what the host does and to time dispatches, see [`crate::gpu::Gpu::open_profiled`].
    pub profile: bool,
    /// What it is wanted for.
    pub purpose: Purpose,
    /// What computed before, where a training is continued: `auto` keeps to it.
    pub before: Option<Adapter>,
}

impl Choice {
    /// Whether an adapter is what was asked for: a software adapter only where one was meant.
    pub fn is_met_by(&self, adapter: &Adapter) -> bool {
        use Preference::{Auto, HighPerformance, LowPower};
        !(adapter.software && matches!(self.adapter, None | Some(Auto | HighPerformance | LowPower)))
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
            Choice { adapter, backend, require_gpu: false, profile: false, purpose, before }
                .is_met_by(&Adapter::cpu_engine())
        };
        assert!(met(Some("cpu")) && met(Some("reference")) && met(Some("software")) && met(Some("0")));
        assert!(
            !met(None) && !met(Some("auto")) && !met(Some("high-performance")) && !met(Some("low-power"))
        );
    }
}
