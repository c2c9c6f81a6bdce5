//! A schedule made ready for a device: its buffers, and a flat list of pipelines, bind groups and grids.

use std::collections::HashMap;
use std::sync::Arc;

use super::device::Gpu;
use super::kernel::{Kernel, Kernels};
use crate::program::schedule::{self, Role, Schedule, Size};
use crate::program::{Answer, Cursor, Place, Program, Shared, Tensor};
use crate::wgsl::{Library, lower};
use crate::{Error, Result};

/// The buffers that programs share.
pub type Buffers = HashMap<Shared, wgpu::Buffer>;

/// One step: a kernel, what it is bound to, and its grid.
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
        if self.kernel.immediate_bytes > 0 {
            pass.set_immediates(0, &bytemuck::bytes_of(cursor)[..self.kernel.immediate_bytes]);
        }
        let [x, y, z] = self.workgroups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// All steps of a replay.
type Steps = Vec<Step>;

/// A program on a device.
pub struct Replay {
    /// The program.
    pub program: Program,
    /// What it was lowered to.
    pub schedule: Schedule,
    buffers: Vec<wgpu::Buffer>,
    steps: Steps,
}

impl Replay {
    /// Lowers a program with the shaders of a library, allocates its own buffers, compiles its kernels and
    /// binds everything.
    ///
    /// # Errors
    /// As [`lower()`]; [`Error::Device`] for a shared buffer that is missing, a buffer that the device has no
    /// room for, a kernel or a binding that it refuses.
    pub fn new(
        gpu: &Gpu,
        kernels: &mut Kernels,
        library: &Library,
        program: Program,
        shared: &Buffers,
    ) -> Result<Self> {
        let schedule = lower(&program, library)?;
        let buffers = schedule.buffers.iter().map(|buffer| allocate(gpu, buffer, shared));
        let buffers = buffers.collect::<Result<Vec<_>>>()?;
        let mut replay = Self { program, buffers, steps: Vec::new(), schedule: schedule.clone() };
        replay.steps = replay.compile(gpu, kernels, &schedule)?;
        Ok(replay)
    }

    /// Makes the steps of a different schedule of the same program for [`Replay::swap`]; those whose kernels
    /// stay the same are reused.
    ///
    /// # Errors
    /// As [`Replay::new`]; the replay is as before.
    pub fn compile(&self, gpu: &Gpu, kernels: &mut Kernels, schedule: &Schedule) -> Result<Steps> {
        let compiled = kernels.get(gpu, &schedule.kernels)?;
        let made = schedule.steps.iter().enumerate().map(|(index, step)| {
            let kernel = &compiled[step.kernel];
            let slots = &schedule.kernels[step.kernel].slots;
            match self.steps.get(index) {
                Some(before) if Arc::ptr_eq(&before.kernel, kernel) => Ok(before.clone()),
                _ => self.bind(gpu, kernel, slots, step),
            }
        });
        made.collect()
    }

    /// Takes over the steps that [`Replay::compile`] has made of a schedule.
    pub fn swap(&mut self, schedule: Schedule, steps: Steps) {
        self.schedule = schedule;
        self.steps = steps;
    }

    fn bind(
        &self,
        gpu: &Gpu,
        kernel: &Arc<Kernel>,
        slots: &[schedule::Slot],
        step: &schedule::Step,
    ) -> Result<Step> {
        let entries: Vec<_> = slots
            .iter()
            .zip(&step.bindings)
            .map(|(slot, bound)| wgpu::BindGroupEntry {
                binding: slot.slot,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &self.buffers[bound.buffer],
                    offset: bound.offset,
                    size: bound.bytes.and_then(std::num::NonZero::new),
                }),
            })
            .collect();
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&step.layer),
            layout: &kernel.layout,
            entries: &entries,
        });
        match pollster::block_on(scope.pop()) {
            Some(error) => Err(Error::Device(format!("{}: {error}", step.layer))),
            None => Ok(Step { kernel: kernel.clone(), bind_group, workgroups: step.workgroups }),
        }
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

    /// Runs all steps once for each cursor, in one submission, and returns its index.
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
    ///
    /// # Errors
    /// A device that fails.
    pub fn read<T: bytemuck::Pod>(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<T>> {
        let (buffer, offset) = self.place(tensor);
        gpu.read(buffer, offset, self.program.info(tensor).len())
    }

    /// Reads each head's logits for the first `images` images of the last step, one image after the other.
    ///
    /// # Errors
    /// A device that fails.
    pub fn answers(&self, gpu: &Gpu, images: usize) -> Result<Vec<Vec<f32>>> {
        let read = |answer: &Answer| {
            let row = self.program.info(answer.tensor).shape[1..].iter().product();
            let words: Vec<f32> = self.read(gpu, answer.tensor)?;
            let rows = words.chunks(row).take(images);
            Ok(rows.flat_map(|row| &row[answer.at..][..answer.classes]).copied().collect())
        };
        self.program.answers.iter().map(read).collect()
    }

    /// Reads all of a tensor's buffer from its first word on, with what lies after the tensor.
    ///
    /// # Errors
    /// A device that fails.
    pub fn read_guarded(&self, gpu: &Gpu, tensor: Tensor) -> Result<Vec<u32>> {
        let (buffer, offset) = self.place(tensor);
        gpu.read(buffer, offset, buffer.size() as usize / 4 - offset / 4)
    }

    /// Sets all words of a tensor's buffer from its first word on.
    pub fn fill(&self, gpu: &Gpu, tensor: Tensor, word: u32) {
        let (buffer, offset) = self.place(tensor);
        gpu.write(buffer, offset, &vec![word; buffer.size() as usize / 4 - offset / 4]);
    }

    /// Writes a tensor's words.
    pub fn write<T: bytemuck::Pod>(&self, gpu: &Gpu, tensor: Tensor, data: &[T]) {
        let (buffer, offset) = self.place(tensor);
        gpu.write(buffer, offset, data);
    }

    /// The buffer of a tensor, and its first byte there.
    fn place(&self, tensor: Tensor) -> (&wgpu::Buffer, usize) {
        let offset = match self.program.info(tensor).place {
            Place::Shared(_, offset) => 4 * offset,
            Place::Own | Place::Whole(_) => 0,
        };
        (&self.buffers[self.schedule.tensors[tensor.index()]], offset)
    }
}

/// A buffer of the program's own with its initial contents, or the shared one.
fn allocate(gpu: &Gpu, buffer: &schedule::Buffer, shared: &Buffers) -> Result<wgpu::Buffer> {
    if let Some(name) = buffer.shared {
        let found = shared.get(&name).cloned();
        return found.ok_or_else(|| Error::Device(format!("there is no shared buffer `{name}`")));
    }
    let (Size::Bytes(bytes) | Size::BytesPerImage(bytes)) = buffer.size;
    let made = gpu.buffer(&buffer.name, bytes as usize)?;
    if let (Role::Constant, Some(words)) = (buffer.role, &buffer.words) {
        gpu.write(&made, 0, words);
    }
    Ok(made)
}
