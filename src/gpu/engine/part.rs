//! The images of a split on the device, and the plan that goes over them.

use std::time::Duration;

use crate::data::Split;
use crate::gpu::device::Gpu;
use crate::gpu::kernel::Kernels;
use crate::gpu::plan::{Buffers, Plan};
use crate::network::DIGITS;
use crate::program::{Cursor, Program, Shared};
use crate::{Error, Result};

/// How long one submission should keep the device busy: long enough to cost nothing, short enough for
/// the watchdogs of Windows (2 s) and for a lively progress bar.
const SUBMISSION: Duration = Duration::from_millis(150);

/// The images of one split on the device.
pub(super) struct Part {
    pub buffers: Buffers,
    pub images: usize,
    /// Images of a step; the last one of a pass may have fewer, and repeats its last image with weight 0.
    pub batch: usize,
    pub plan: Option<Plan>,
    pub steps_a_submission: usize,
    /// Where each step of the pass stands.
    pub cursors: Vec<Cursor>,
}

impl Part {
    pub fn new(gpu: &Gpu, network: &Buffers, split: &Split, pixels: usize, batch: usize) -> Result<Self> {
        let images = split.labels.len();
        if split.images.len() != images * pixels {
            let bytes = split.images.len();
            return Err(Error::Data(format!("{images} labels go with {bytes} bytes of images of {pixels}")));
        }
        if let Some(label) = split.labels.iter().find(|label| usize::from(**label) >= DIGITS) {
            return Err(Error::Data(format!("label {label} is no digit")));
        }
        let batch = batch.min(images.max(1));
        let mut buffers = network.clone();
        for (name, bytes) in [
            (Shared::Images, split.images.len()),
            (Shared::Labels, 4 * images),
            (Shared::Order, 4 * images),
            (Shared::Addends, 4 * images),
            (Shared::Records, 12 * images),
        ] {
            buffers.insert(name, gpu.buffer(&format!("{name:?}"), bytes)?);
        }
        gpu.write(&buffers[&Shared::Images], 0, &split.images);
        gpu.write(&buffers[&Shared::Labels], 0, &widen(&split.labels));
        // A copy of everything written is kept until the queue has worked on it.
        gpu.queue.submit([]);
        gpu.wait(None)?;
        Ok(Self { buffers, images, batch, plan: None, steps_a_submission: 1, cursors: Vec::new() })
    }

    /// Makes the next submissions longer or shorter, after one of `steps` steps that took the device so
    /// long.
    pub fn adapt(&mut self, steps: usize, took: Duration) {
        let scale = SUBMISSION.as_secs_f64() / took.as_secs_f64().max(1e-6);
        let wanted = (steps as f64 * scale.clamp(0.25, 4.0)).round() as usize;
        self.steps_a_submission = wanted.clamp(1, 4096);
    }

    /// Makes the plan, where it is not there yet, and checks that there are so many images.
    pub fn prepare(
        &mut self,
        gpu: &Gpu,
        kernels: &mut Kernels,
        images: usize,
        program: impl Fn(usize) -> Result<Program>,
    ) -> Result<()> {
        if images > self.images {
            return Err(Error::Usage(format!("{images} images asked for, there are {}", self.images)));
        }
        if self.plan.is_none() {
            self.plan = Some(Plan::new(gpu, kernels, program(self.batch)?, &self.buffers)?);
        }
        Ok(())
    }

    /// Sets the order and the addends of a pass, and where its steps stand; `rates` are Adam's for the step of
    /// an index.
    ///
    /// # Errors
    /// Indices that kernels without bounds checks must never see.
    pub fn begin(
        &mut self,
        gpu: &Gpu,
        order: &[u32],
        addends: &[u8],
        rates: impl Fn(u32) -> [f32; 2],
    ) -> Result<()> {
        if let Some(index) = order.iter().find(|index| **index as usize >= self.images) {
            return Err(Error::Usage(format!("image {index} was asked for, there are {}", self.images)));
        }
        if addends.len() != self.images || addends.iter().any(|addend| usize::from(*addend) >= DIGITS) {
            let images = self.images;
            return Err(Error::Usage(format!("every one of {images} images needs an addend below {DIGITS}")));
        }
        gpu.write(&self.buffers[&Shared::Order], 0, order);
        gpu.write(&self.buffers[&Shared::Addends], 0, &widen(addends));
        let firsts = (0..order.len() as u32).step_by(self.batch);
        self.cursors.clear();
        self.cursors.extend((0..).zip(firsts).map(|(index, first)| {
            let [step_size, step_root] = rates(index);
            Cursor { first, end: order.len() as u32, step_size, step_root }
        }));
        Ok(())
    }
}

/// A word for each byte, as shaders read them.
fn widen(bytes: &[u8]) -> Vec<u32> {
    bytes.iter().map(|&byte| u32::from(byte)).collect()
}
