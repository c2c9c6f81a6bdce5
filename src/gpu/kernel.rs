//! Compiled kernels: one pipeline for each entry and final text, made once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::device::Gpu;
use crate::program::schedule::{self, Access, Slot};
use crate::wgsl::{dead_code, interface, library};
use crate::{Error, Result};

/// A pipeline and the layout of what it binds.
pub struct Kernel {
    /// The layout of bind group 0.
    pub layout: wgpu::BindGroupLayout,
    /// The pipeline.
    pub pipeline: wgpu::ComputePipeline,
    /// Bytes of the cursor that it reads.
    pub immediate_bytes: usize,
}

/// What distinguishes one kernel from another.
type Key = (String, schedule::Text);

fn key(kernel: &schedule::Kernel) -> Key {
    (kernel.entry.clone(), kernel.text.clone())
}

/// All kernels made so far.
#[derive(Clone, Default)]
pub struct Kernels {
    checked: bool,
    made: HashMap<Key, Arc<Kernel>>,
}

impl Kernels {
    /// No kernels yet. `checked` keeps the driver's bounds checks even for shipped shaders.
    pub fn new(checked: bool) -> Self {
        Self { checked, made: HashMap::new() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.made.len()
    }

    /// Drops those that no replay uses.
    pub fn drop_unused(&mut self) {
        self.made.retain(|_, kernel| Arc::strong_count(kernel) > 1);
    }

    /// The compiled kernels of a schedule, in its order. Those that are not there yet are made on all cores:
    /// most of a program's start is spent here.
    ///
    /// # Errors
    /// [`Error::Device`] naming the kernel that a driver refuses.
    pub fn get(&mut self, gpu: &Gpu, kernels: &[schedule::Kernel]) -> Result<Vec<Arc<Kernel>>> {
        let mut wanted = HashSet::new();
        let missing: Vec<&schedule::Kernel> = kernels
            .iter()
            .filter(|kernel| !self.made.contains_key(&key(kernel)) && wanted.insert(key(kernel)))
            .collect();
        let make = |kernel: &schedule::Kernel| Ok((key(kernel), Arc::new(self.make(gpu, kernel)?)));
        let made = missing.into_par_iter().map(make).collect::<Result<Vec<_>>>()?;
        self.made.extend(made);
        let made = |kernel| {
            let made = self.made.get(&key(kernel)).cloned();
            made.ok_or_else(|| Error::Device(format!("{} was not made", kernel.name())))
        };
        kernels.iter().map(made).collect()
    }

    fn make(&self, gpu: &Gpu, kernel: &schedule::Kernel) -> Result<Kernel> {
        let label = kernel.name();
        let mut module = interface::parse(&kernel.shader, kernel.text.as_str())?.module;
        dead_code::keep_entry(&mut module, &kernel.entry);
        // A driver's compiler that gives up is an internal error.
        let internal = gpu.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Naga(Cow::Owned(module)),
        };
        let trusted = kernel.text.is_shipped() && !self.checked;
        let module = match trusted {
            true => trusted_module(gpu, descriptor),
            false => gpu.device.create_shader_module(descriptor),
        };
        let entries: Vec<_> = kernel.slots.iter().filter_map(layout_entry).collect();
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &entries,
        });
        let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: kernel.immediate_bytes,
        });
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(&kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                // No shipped shader has any; what comes from outside may rely on WGSL's zeros.
                zero_initialize_workgroup_memory: !trusted,
                ..Default::default()
            },
            cache: None,
        });
        let errors = [scope, memory, internal].map(|scope| pollster::block_on(scope.pop()));
        if let Some(error) = errors.into_iter().flatten().next() {
            let path = library::path(&kernel.shader);
            return Err(Error::Device(format!("{label} ({path}) was refused by the driver: {error}")));
        }
        Ok(Kernel { layout, pipeline, immediate_bytes: kernel.immediate_bytes as usize })
    }
}

fn layout_entry(slot: &Slot) -> Option<wgpu::BindGroupLayoutEntry> {
    let ty = match slot.access {
        Access::Uniform => wgpu::BufferBindingType::Uniform,
        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
        Access::Immediate => return None,
    };
    Some(wgpu::BindGroupLayoutEntry {
        binding: slot.slot,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: false,
            min_binding_size: std::num::NonZero::new(slot.min_bytes),
        },
        count: None,
    })
}

/// A module without bounds checks and loop counters: with them a software driver runs the fused plan more
/// than ten times slower.
#[allow(unsafe_code)]
fn trusted_module(gpu: &Gpu, descriptor: wgpu::ShaderModuleDescriptor) -> wgpu::ShaderModule {
    // SAFETY: only shaders that are part of the program come here, never text from outside: only lowering
    // marks a text as shipped. Their indices stay inside the bound ranges and their loops end: the tests run
    // every entry, and the network's own sizes, with and without the checks, with guard words around every
    // output.
    unsafe { gpu.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
