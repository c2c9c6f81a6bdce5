//! The list of adapters.

use serde::Serialize;
use wgpu::DeviceType;

use super::{Adapter, Backend};
use crate::Result;
use crate::gpu::adapter;

/// An adapter that `--adapter` can choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its index; none for those of this program, `cpu` and `reference`.
    pub index: Option<usize>,
    /// Its name.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// The graphics interface, or `no driver`.
    pub backend: String,
    /// `discrete`, `integrated`, `virtual`, `cpu` or `other`; `engine` and `reference` for those of this program.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether it computes on the CPU.
    pub software: bool,
    /// All of that in one line.
    #[serde(skip)]
    pub description: String,
}

/// The adapters that there are, those of this program last.
///
/// # Errors
///
/// [`crate::Error::Usage`] where `WGPU_BACKEND` names no backend.
pub fn adapters(backend: Option<Backend>) -> Result<Vec<Listed>> {
    let (adapters, _) = adapter::list(backend.map(Into::into))?;
    let listed = |(index, found): (usize, &wgpu::Adapter)| {
        let info = found.get_info();
        Listed {
            index: Some(index),
            description: format!("{index}: {}", adapter::describe(&info)),
            driver: adapter::driver(&info),
            backend: info.backend.to_string(),
            kind: match info.device_type {
                DeviceType::DiscreteGpu => "discrete",
                DeviceType::IntegratedGpu => "integrated",
                DeviceType::VirtualGpu => "virtual",
                DeviceType::Cpu => "cpu",
                DeviceType::Other => "other",
            },
            software: adapter::is_software(&info),
            name: info.name,
        }
    };
    let mut all: Vec<Listed> = adapters.iter().enumerate().map(listed).collect();
    for (word, adapter, kind) in
        [("cpu", Adapter::cpu_engine(), "engine"), ("reference", Adapter::cpu_reference(), "reference")]
    {
        all.push(Listed {
            index: None,
            description: format!("{word}: {adapter}"),
            name: adapter.name,
            driver: adapter.driver,
            backend: adapter.backend,
            kind,
            software: adapter.software,
        });
    }
    Ok(all)
}
