//! Compiled kernels: one pipeline for each shader, entry and set of constants, made once.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::device::Gpu;
use super::interface::{self, Access, Binding, Entry};
use super::prune;
use super::shader::{self, Library};
use crate::program::Dispatch;
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

    /// The same kernels for the texts of another library: those whose text stays are not made again.
    pub fn with_library(&self, library: Library) -> Self {
        Self { library, checked: self.checked, made: self.made.clone() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.made.len()
    }

    /// Drops those that no plan uses.
    pub fn drop_unused(&mut self) {
        self.made.retain(|_, kernel| Arc::strong_count(kernel) > 1);
    }

    /// Makes the kernels that these dispatches need and that are not there yet, on all cores: most of a
    /// program's start is spent here.
    pub fn prepare(&mut self, gpu: &Gpu, dispatches: &[Dispatch]) -> Result<()> {
        let mut missing = BTreeMap::new();
        for dispatch in dispatches {
            let (text, entry) = specialised(&self.library, dispatch)?;
            let key = key(&text, &entry);
            if !self.made.contains_key(&key) {
                missing.insert(key, (dispatch.shader, text, entry));
            }
        }
        let make = |(key, (name, text, entry))| Ok((key, Arc::new(self.make(gpu, name, text, entry)?)));
        let made = missing.into_par_iter().map(make).collect::<Result<Vec<_>>>()?;
        self.made.extend(made);
        Ok(())
    }

    /// The kernel of a dispatch, made at the first call.
    pub fn get(&mut self, gpu: &Gpu, dispatch: &Dispatch) -> Result<Arc<Kernel>> {
        let (text, entry) = specialised(&self.library, dispatch)?;
        let key = key(&text, &entry);
        if let Some(kernel) = self.made.get(&key) {
            return Ok(kernel.clone());
        }
        let kernel = Arc::new(self.make(gpu, dispatch.shader, text, entry)?);
        self.made.insert(key, kernel.clone());
        Ok(kernel)
    }

    fn make(&self, gpu: &Gpu, name: &str, text: String, entry: Entry) -> Result<Kernel> {
        let label = format!("{name}.{}", entry.name);
        let mut module = interface::parse(name, &text)?.module;
        prune::keep_entry(&mut module, &entry.name);
        // A driver's compiler that gives up is an internal error.
        let internal = gpu.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Naga(Cow::Owned(module)),
        };
        let trusted = self.library.is_shipped() && !self.checked;
        let module = match trusted {
            true => trusted_module(gpu, descriptor),
            false => gpu.device.create_shader_module(descriptor),
        };
        let layout_entry = |binding: &Binding| {
            let ty = match binding.access {
                Access::Uniform => wgpu::BufferBindingType::Uniform,
                Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
                Access::Immediate => return None,
            };
            Some(wgpu::BindGroupLayoutEntry {
                binding: binding.slot,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: std::num::NonZero::new(binding.min_bytes),
                },
                count: None,
            })
        };
        let entries: Vec<_> = entry.bindings.iter().filter_map(layout_entry).collect();
        let layout = gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&label),
            entries: &entries,
        });
        let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: entry.immediate_bytes(),
        });
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(&entry.name),
            compilation_options: wgpu::PipelineCompilationOptions {
                // No shipped shader has any; what comes from outside may count on WGSL's zeros.
                zero_initialize_workgroup_memory: !trusted,
                ..Default::default()
            },
            cache: None,
        });
        let errors = [scope, memory, internal].map(|scope| pollster::block_on(scope.pop()));
        if let Some(error) = errors.into_iter().flatten().next() {
            return Err(Error::Device(format!("{label} was refused: {error}")));
        }
        Ok(Kernel { entry, layout, pipeline })
    }
}

/// What tells one kernel from another.
fn key(text: &str, entry: &Entry) -> String {
    format!("{}\n{text}", entry.name)
}

/// A constant that is set for every shader that declares it, see [`specialised`].
pub const PADDED: &str = "PADDED";

/// The text of a dispatch's shader with the dispatch's constants, and its entry's interface.
///
/// Where the shader declares `const PADDED: bool`, it is set to whether the grid has more invocations in
/// x than the dispatch wants: a guard that is never needed costs a software driver two thirds of its
/// speed, because everything behind it runs under a mask.
pub fn specialised(library: &Library, dispatch: &Dispatch) -> Result<(String, Entry)> {
    let Dispatch { shader: name, entry, .. } = *dispatch;
    let text = shader::specialise(name, &library.text(name)?, &dispatch.constants)?;
    let found = interface::read(name, &text)?
        .into_iter()
        .find(|found| found.name == entry)
        .ok_or_else(|| Error::Device(format!("{name}.wgsl has no entry `{entry}`")))?;
    if !text.contains(&format!("\nconst {PADDED}: bool")) {
        return Ok((text, found));
    }
    let padded = !dispatch.threads[0].is_multiple_of(found.workgroup[0] as usize);
    Ok((shader::specialise(name, &text, &[(PADDED, padded.into())])?, found))
}

/// A module without bounds checks and loop counters: with them a software driver runs the fused plan more
/// than ten times slower.
#[allow(unsafe_code)]
fn trusted_module(gpu: &Gpu, descriptor: wgpu::ShaderModuleDescriptor) -> wgpu::ShaderModule {
    // SAFETY: only shaders that are part of the program come here, never text from outside. Their
    // indices stay inside the bound ranges and their loops end: the tests run every entry, and the
    // network's own sizes, with and without the checks, with guard words around every output.
    unsafe { gpu.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
