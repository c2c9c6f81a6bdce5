//! Compiled kernels: one pipeline for each shader, entry and set of constants, made once.

use std::collections::HashMap;
use std::sync::Arc;

use super::device::Gpu;
use super::interface::{self, Access, Entry};
use super::shader::{self, Constant, Library};
use crate::{Error, Result};

/// A pipeline and the interface that its shader declares.
pub struct Kernel {
    /// The entry's bindings and workgroup.
    pub entry: Entry,
    /// The layout of bind group 0.
    pub layout: wgpu::BindGroupLayout,
    /// The pipeline.
    pub pipeline: wgpu::ComputePipeline,
}

/// All kernels made so far.
#[derive(Default)]
pub struct Kernels {
    library: Library,
    checked: bool,
    made: HashMap<String, Arc<Kernel>>,
}

impl Kernels {
    /// Kernels from a library. `checked` keeps the driver's bounds checks even for shipped shaders.
    pub fn new(library: Library, checked: bool) -> Self {
        Self { library, checked, made: HashMap::new() }
    }

    /// The kernel of a shader's entry with the given constants, made at the first call.
    pub fn get(
        &mut self,
        gpu: &Gpu,
        name: &str,
        entry: &str,
        constants: &[(&'static str, Constant)],
    ) -> Result<Arc<Kernel>> {
        let key = format!("{name}.{entry} {constants:?}");
        if let Some(kernel) = self.made.get(&key) {
            return Ok(kernel.clone());
        }
        let kernel = Arc::new(self.make(gpu, name, entry, constants)?);
        self.made.insert(key, kernel.clone());
        Ok(kernel)
    }

    fn make(
        &self,
        gpu: &Gpu,
        name: &str,
        entry: &str,
        constants: &[(&'static str, Constant)],
    ) -> Result<Kernel> {
        let text = shader::specialise(name, &self.library.text(name)?, constants)?;
        let entry = interface::read(name, &text)?
            .into_iter()
            .find(|found| found.name == entry)
            .ok_or_else(|| Error::Device(format!("{name}.wgsl has no entry `{entry}`")))?;
        let label = format!("{name}.{}", entry.name);
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        };
        let module = if self.library.is_shipped() && !self.checked {
            trusted_module(gpu, descriptor)
        } else {
            gpu.device.create_shader_module(descriptor)
        };
        let entries: Vec<wgpu::BindGroupLayoutEntry> = entry
            .bindings
            .iter()
            .map(|binding| wgpu::BindGroupLayoutEntry {
                binding: binding.slot,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match binding.access {
                        Access::Uniform => wgpu::BufferBindingType::Uniform,
                        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                        Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: std::num::NonZero::new(binding.min_bytes),
                },
                count: None,
            })
            .collect();
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &entries,
        });
        let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(&entry.name),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(Error::Device(format!("{label} was refused: {error}")));
        }
        Ok(Kernel { entry, layout, pipeline })
    }
}

/// A module without bounds checks and loop counters, which cost about 5 % on a software driver.
#[allow(unsafe_code)]
fn trusted_module(gpu: &Gpu, descriptor: wgpu::ShaderModuleDescriptor) -> wgpu::ShaderModule {
    // SAFETY: only shaders that are part of the program come here, never text from outside. Their
    // indices stay inside the bound ranges and their loops end: the tests run each with and without
    // the checks, with guard words around every output, and compare the bits.
    unsafe { gpu.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
