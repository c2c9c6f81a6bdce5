//! What computes: a device by its driver, or this program itself.

use serde::{Deserialize, Serialize};

use crate::gpu::adapter;
use crate::lanes::Instructions;

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
    /// A device.
    pub(super) fn of(info: &wgpu::AdapterInfo) -> Self {
        Self {
            name: info.name.clone(),
            driver: adapter::driver(info),
            backend: info.backend.to_string(),
            software: adapter::is_software(info),
        }
    }

    /// This program's own kernels, on all cores.
    pub(super) fn cpu_engine() -> Self {
        let instructions = Instructions::best().name();
        Self::on_cpu("CPU engine", format!("{} threads, {instructions}", rayon::current_num_threads()))
    }

    /// Its plain loops, on all cores.
    pub(super) fn cpu_reference() -> Self {
        Self::on_cpu("CPU reference", format!("{} threads", rayon::current_num_threads()))
    }

    /// Whether it is this program's own engine, with any instructions.
    pub(super) fn is_cpu_engine(&self) -> bool {
        self.name == Self::cpu_engine().name
    }

    /// Whether it is a driver that computes on the CPU.
    pub(super) fn is_software_driver(&self) -> bool {
        self.software && self.backend != Self::cpu_engine().backend
    }

    fn on_cpu(name: &str, driver: String) -> Self {
        Self { name: name.into(), driver, backend: "no driver".into(), software: true }
    }
}

/// Of the rooms.
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
