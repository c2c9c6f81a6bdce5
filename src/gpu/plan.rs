//! A program made ready for a device: a flat list of pipelines, bind groups and grids to replay.

use std::collections::HashMap;
use std::sync::Arc;

use wgpu::Buffer;

use super::device::Gpu;
use super::interface::Access;
use super::kernel::{Kernel, Kernels};
use crate::program::{Cursor, Dispatch, Place, Program, Shared, Tensor};
use crate::{Error, Result};

/// The buffers that programs share.
pub type Buffers = HashMap<Shared, Buffer>;

/// Workgroups that a dispatch may have in each dimension on every device.
const MAX_WORKGROUPS: u32 = 65_535;

/// Bytes behind every tensor that no kernel may touch; tests look whether one has.
const GUARD: usize = 256;

/// One step of a plan: a kernel, what it is bound to, and its grid.
#[derive(Clone)]
pub struct Step {
    kernel: Arc<Kernel>,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Step {
    fn record(&self, pass: &mut wgpu::ComputePass, cursor: &Cursor) {
        pass.set_pipeline(&self.kernel.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        let bytes = self.kernel.entry.immediate_bytes() as usize;
        if bytes > 0 {
            pass.set_immediates(0, &bytemuck::bytes_of(cursor)[..bytes]);
        }
        let [x, y, z] = self.workgroups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// All steps of a plan.
type Steps = Vec<Step>;

/// A program on a device.
pub struct Plan {
    /// The program.
    pub program: Program,
    buffers: Vec<(Buffer, u64)>,
    steps: Steps,
}

impl Plan {
    /// Allocates the program's own tensors, compiles its kernels and binds everything.
    ///
    /// # Errors
    /// A shader that does not compile, a variable without a tensor or a tensor without a variable, a
    /// tensor too small for its variable, a buffer both read and written by one dispatch.
    pub fn new(gpu: &Gpu, kernels: &mut Kernels, program: Program, shared: &Buffers) -> Result<Self> {
        let mut buffers = Vec::new();
        for info in &program.tensors {
            buffers.push(match info.place {
                Place::Own => (gpu.buffer(&info.name, 4 * info.len() + GUARD)?, 0),
                Place::Shared(name, _) | Place::Whole(name) => {
                    let buffer = shared
                        .get(&name)
                        .ok_or_else(|| Error::Device(format!("no buffer {name:?} for `{}`", info.name)))?;
                    let offset =
                        if let Place::Shared(_, offset) = info.place { 4 * offset as u64 } else { 0 };
                    (buffer.clone(), offset)
                }
            });
        }
        for (info, (buffer, offset)) in program.tensors.iter().zip(&buffers) {
            if let Some(words) = &info.words {
                gpu.write(buffer, *offset as usize, words);
            }
        }
        let mut plan = Self { program, buffers, steps: Vec::new() };
        kernels.prepare(gpu, &plan.program.dispatches)?;
        let steps = plan.program.dispatches.iter().map(|dispatch| plan.step(gpu, kernels, dispatch));
        plan.steps = steps.collect::<Result<_>>()?;
        Ok(plan)
    }

    /// Makes the steps for [`Plan::swap`]: those of the `changed` shaders anew, the others as they are.
    ///
    /// # Errors
    /// As [`Plan::new`]; the plan is as before.
    pub fn compile(&self, gpu: &Gpu, kernels: &mut Kernels, changed: &[&str]) -> Result<Steps> {
        let remake = |(dispatch, step): (&Dispatch, &Step)| match changed.contains(&dispatch.shader) {
            true => self.step(gpu, kernels, dispatch),
            false => Ok(step.clone()),
        };
        self.program.dispatches.iter().zip(&self.steps).map(remake).collect()
    }

    /// Takes over the steps that [`Plan::compile`] has made.
    pub fn swap(&mut self, steps: Steps) {
        self.steps = steps;
    }

    fn step(&self, gpu: &Gpu, kernels: &mut Kernels, dispatch: &Dispatch) -> Result<Step> {
        let what = format!("{} {}.{}", dispatch.layer, dispatch.shader, dispatch.entry);
        let fail = |reason: String| Error::Device(format!("{what}: {reason}"));
        let kernel = kernels.get(gpu, dispatch)?;
        for (variable, _) in &dispatch.bindings {
            if !kernel.entry.bindings.iter().any(|binding| binding.name == *variable) {
                return Err(fail(format!("the shader does not use `{variable}`")));
            }
        }
        let mut entries = Vec::new();
        let mut bound: Vec<(&Buffer, bool)> = Vec::new();
        for binding in kernel.entry.bindings.iter().filter(|binding| binding.access != Access::Immediate) {
            let &(_, tensor) = dispatch
                .bindings
                .iter()
                .find(|(variable, _)| *variable == binding.name)
                .ok_or_else(|| fail(format!("no tensor for `{}`", binding.name)))?;
            let info = self.program.info(tensor);
            let (buffer, offset) = &self.buffers[tensor.0];
            let bytes = match info.place {
                Place::Whole(_) => buffer.size(),
                // Buffers and places in the flat ones are padded to 256 bytes.
                Place::Own | Place::Shared(..) => (4 * info.len() as u64).next_multiple_of(16),
            };
            if bytes < binding.min_bytes {
                return Err(fail(format!("`{}` is too small for `{}`", info.name, binding.name)));
            }
            let writes = binding.access == Access::ReadWrite;
            if bound.iter().any(|(other, written)| *other == buffer && *written != writes) {
                return Err(fail(format!("the buffer of `{}` is both read and written", info.name)));
            }
            bound.push((buffer, writes));
            entries.push(wgpu::BindGroupEntry {
                binding: binding.slot,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer,
                    offset: *offset,
                    size: std::num::NonZero::new(bytes),
                }),
            });
        }
        let mut workgroups = [1; 3];
        let axes = dispatch.threads.iter().zip(kernel.entry.workgroup);
        for (workgroups, (threads, size)) in workgroups.iter_mut().zip(axes) {
            let count = threads.div_ceil(size as usize);
            *workgroups = u32::try_from(count)
                .ok()
                .filter(|&count| count <= MAX_WORKGROUPS)
                .ok_or_else(|| fail(format!("{count} workgroups are too many: use a smaller batch")))?;
        }
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&what),
            layout: &kernel.layout,
            entries: &entries,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(fail(error.to_string()));
        }
        Ok(Step { kernel, bind_group, workgroups })
    }

    /// Records all steps once, for a step of the network that stands at `cursor`.
    pub fn record(&self, pass: &mut wgpu::ComputePass, cursor: &Cursor) {
        for step in &self.steps {
            step.record(pass, cursor);
        }
    }

    /// Records one step in a pass of its own, which may write timestamps.
    pub fn record_alone(
        &self,
        index: usize,
        cursor: &Cursor,
        encoder: &mut wgpu::CommandEncoder,
        timestamp_writes: Option<wgpu::ComputePassTimestampWrites>,
    ) {
        let mut pass =
            encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
        self.steps[index].record(&mut pass, cursor);
    }

    /// Runs all steps once for each cursor, in one submission, and gives its index.
    pub fn run(&self, gpu: &Gpu, cursors: &[Cursor]) -> wgpu::SubmissionIndex {
        let commands = gpu.spans.time("record", || {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for cursor in cursors {
                self.record(&mut pass, cursor);
            }
            drop(pass);
            encoder.finish()
        });
        gpu.spans.time("submit", || gpu.queue.submit([commands]))
    }

    /// Reads a tensor's words back.
    pub fn read<T: bytemuck::Pod>(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<T>> {
        let (buffer, offset) = &self.buffers[tensor.0];
        gpu.read(buffer, *offset as usize, self.program.info(tensor).len())
    }

    /// Reads all of a tensor's buffer from its first word on, with what lies behind the tensor.
    pub fn read_guarded(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<u32>> {
        let (buffer, offset) = &self.buffers[tensor.0];
        gpu.read(buffer, *offset as usize, ((buffer.size() - offset) / 4) as usize)
    }

    /// Sets all words of a tensor's buffer from its first word on.
    pub fn fill(&self, gpu: &Gpu, tensor: Tensor, word: u32) {
        let (buffer, offset) = &self.buffers[tensor.0];
        gpu.write(buffer, *offset as usize, &vec![word; ((buffer.size() - offset) / 4) as usize]);
    }

    /// Writes a tensor's words.
    pub fn write<T: bytemuck::Pod>(&self, gpu: &Gpu, tensor: Tensor, data: &[T]) {
        let (buffer, offset) = &self.buffers[tensor.0];
        gpu.write(buffer, *offset as usize, data);
    }
}
