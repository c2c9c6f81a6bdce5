//! Which adapter to use: the user's words, the list of what there is, and what to say when there is none.

use std::fmt;

use wgpu::{AdapterInfo, Backend, Backends, DeviceType};

use super::environment;
use crate::escape::Shown;
use crate::{Error, Result};

/// What brings a software Vulkan driver.
pub const PACKAGE: &str = "mesa-vulkan-drivers (Debian, Ubuntu, Fedora) or vulkan-swrast (Arch)";

/// What the user asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// A GPU as for a high performance; where there is none, whatever computes fastest.
    #[default]
    Auto,
    /// The fastest: a discrete GPU before an integrated one before a software driver.
    HighPerformance,
    /// The most frugal: an integrated GPU before a discrete one before a software driver.
    LowPower,
    /// A software driver (lavapipe, WARP), even where there is a GPU.
    Software,
    /// No adapter: this program's own engine for the CPU.
    Cpu,
    /// No adapter: the CPU reference, which specifies what is computed.
    Reference,
    /// The adapter at this place of the list that `digit-adder adapters` prints.
    Index(usize),
    /// The first adapter whose [`describe`] line contains this text, in any case.
    Name(String),
}

impl From<&str> for Preference {
    fn from(text: &str) -> Self {
        match text.trim() {
            "auto" => Self::Auto,
            "high-performance" => Self::HighPerformance,
            "low-power" => Self::LowPower,
            "software" => Self::Software,
            "cpu" => Self::Cpu,
            "reference" => Self::Reference,
            other => other.parse().map_or_else(|_| Self::Name(other.to_lowercase()), Self::Index),
        }
    }
}

impl Preference {
    /// Whether no adapter is meant.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Cpu | Self::Reference)
    }
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::HighPerformance => f.write_str("high-performance"),
            Self::LowPower => f.write_str("low-power"),
            Self::Software => f.write_str("software"),
            Self::Cpu => f.write_str("cpu"),
            Self::Reference => f.write_str("reference"),
            Self::Index(index) => write!(f, "{index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether an adapter computes on the CPU.
pub fn is_software(info: &AdapterInfo) -> bool {
    info.device_type == DeviceType::Cpu
}

/// One line about an adapter: name, kind, driver and backend.
pub fn describe(info: &AdapterInfo) -> String {
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => "discrete GPU",
        DeviceType::IntegratedGpu => "integrated GPU",
        DeviceType::VirtualGpu => "virtual GPU",
        DeviceType::Cpu => "software driver on the CPU",
        DeviceType::Other => "kind unknown",
    };
    format!("{} ({kind}), {}, {}", info.name, driver(info), info.backend)
}

/// The driver's name and version, where it reports them.
pub fn driver(info: &AdapterInfo) -> String {
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    if driver.trim().is_empty() { "driver unknown".into() } else { driver.trim().into() }
}

/// All adapters that can compute, in the order of their indices, and the backends that were tried.
///
/// `WGPU_BACKEND` narrows the backends down unless `backend` does.
///
/// # Errors
///
/// [`Error::Usage`] where `WGPU_BACKEND` names no backend.
pub fn list(backend: Option<Backends>) -> Result<(Vec<wgpu::Adapter>, Backends)> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.backends = backend.map_or_else(environment::backends, Ok)?;
    let asked = descriptor.backends & wgpu::Instance::enabled_backend_features();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(asked));
    adapters.retain(|adapter| {
        let can = adapter.get_downlevel_capabilities().flags;
        can.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    });
    Ok((adapters, asked))
}

/// Why there is no adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is none at all: the backends that were tried, and the packages that provide a driver.
    All(String),
    /// None matches: lists those that there are.
    Fitting(String),
    /// The environment asks for something that does not exist.
    Environment(String),
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::All(message) | Missing::Fitting(message) => Self::Device(message),
            Missing::Environment(message) => Self::Usage(message),
        }
    }
}

/// Picks the preferred adapter.
///
/// # Errors
/// There is none, or none that matches.
pub fn choose(
    preference: &Preference,
    backend: Option<Backends>,
) -> std::result::Result<wgpu::Adapter, Missing> {
    let (mut adapters, asked) = list(backend).map_err(|error| Missing::Environment(error.to_string()))?;
    let infos: Vec<AdapterInfo> = adapters.iter().map(wgpu::Adapter::get_info).collect();
    if let Some(index) = pick(preference, &infos) {
        return Ok(adapters.swap_remove(index));
    }
    if infos.is_empty() && !matches!(preference, Preference::Index(_) | Preference::Name(_)) {
        return Err(Missing::All(no_adapter(asked)));
    }
    let mut there: Vec<String> =
        infos.iter().enumerate().map(|(index, info)| format!("\n  {index}: {}", describe(info))).collect();
    if there.is_empty() {
        there.push(format!(" none: {}", no_adapter(asked)));
    }
    let asked = preference.to_string().shown();
    Err(Missing::Fitting(format!("no adapter matches `{asked}`; there are{}", there.concat())))
}

fn pick(preference: &Preference, infos: &[AdapterInfo]) -> Option<usize> {
    use DeviceType::{Cpu, DiscreteGpu, IntegratedGpu, Other, VirtualGpu};
    // The GL backend comes last: its compute support is the weakest.
    let by_order = |order: [DeviceType; 5]| {
        (0..infos.len()).min_by_key(|&i| {
            let kind = order.iter().position(|&kind| kind == infos[i].device_type);
            (kind, infos[i].backend == Backend::Gl)
        })
    };
    match preference {
        Preference::Auto | Preference::HighPerformance => {
            by_order([DiscreteGpu, IntegratedGpu, VirtualGpu, Other, Cpu])
        }
        Preference::LowPower => by_order([IntegratedGpu, DiscreteGpu, VirtualGpu, Other, Cpu]),
        Preference::Software => {
            by_order([Cpu, Other, VirtualGpu, IntegratedGpu, DiscreteGpu]).filter(|&i| is_software(&infos[i]))
        }
        Preference::Cpu | Preference::Reference => None,
        Preference::Index(index) => Some(*index).filter(|&index| index < infos.len()),
        Preference::Name(part) => {
            infos.iter().position(|info| describe(info).to_lowercase().contains(part.as_str()))
        }
    }
}

fn no_adapter(asked: Backends) -> String {
    let tried = environment::names(asked);
    format!(
        "no usable GPU adapter (backends tried: {}). A software Vulkan driver is in the package {PACKAGE}; \
         a GPU needs its vendor's driver",
        if tried.is_empty() { "no backend of this platform" } else { &tried }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, kind: DeviceType, backend: Backend) -> AdapterInfo {
        let mut info = AdapterInfo::new(kind, backend);
        info.name = name.into();
        info
    }

    #[test]
    fn preferences_mean_what_they_say() {
        let infos = [
            info("llvmpipe", DeviceType::Cpu, Backend::Vulkan),
            info("Radeon", DeviceType::IntegratedGpu, Backend::Gl),
            info("Radeon", DeviceType::IntegratedGpu, Backend::Vulkan),
            info("GeForce", DeviceType::DiscreteGpu, Backend::Vulkan),
        ];
        let picked = |text: &str| pick(&text.into(), &infos);
        assert_eq!(picked("high-performance"), Some(3));
        assert_eq!(picked("auto"), Some(3));
        assert_eq!(picked("low-power"), Some(2));
        assert_eq!(picked("software"), Some(0));
        assert_eq!(picked("1"), Some(1));
        assert_eq!(picked("9"), None);
        assert_eq!(picked("geforce"), Some(3));
        assert_eq!(picked("Matrox"), None);
        assert_eq!(pick(&Preference::Software, &infos[1..]), None);
    }

    #[test]
    fn no_adapter_names_backends_and_packages() {
        let message = no_adapter(Backends::VULKAN | Backends::GL);
        assert!(message.contains("vulkan, gl") && message.contains("mesa-vulkan-drivers"), "{message}");
    }
}
