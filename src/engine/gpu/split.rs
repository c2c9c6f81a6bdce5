//! The images of a split on the device, and the replay that runs over them.

use std::time::Duration;

use super::Programs;
use crate::Result;
use crate::data::{Addends, HeldOut, Split};
use crate::gpu::{Buffers, Gpu, Replay};
use crate::program::{Cursor, Record, Shared};

/// How long one submission should keep the device busy: long enough to cost nothing, short enough for
/// the watchdogs of Windows (2 s) and for a lively progress bar.
const SUBMISSION: Duration = Duration::from_millis(150);

/// What is computed on a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Training,
    Evaluation(HeldOut),
}

/// The images of one split on the device.
pub(super) struct DeviceSplit {
    pub purpose: Purpose,
    pub buffers: Buffers,
    pub images: usize,
    /// Images of a step; the last step of a pass may have fewer, and repeats its last image with weight 0.
    pub batch: usize,
    pub replay: Option<Replay>,
    pub steps_a_submission: usize,
    /// Where each step of the pass stands.
    pub cursors: Vec<Cursor>,
}

impl DeviceSplit {
    /// Puts a split on the device, beside the buffers of the network; a step takes `batch` images, whose
    /// `heads` leave a record each.
    pub(super) fn new(
        gpu: &Gpu,
        network: &Buffers,
        split: (&[u8], &[u8]),
        purpose: Purpose,
        [batch, heads]: [usize; 2],
    ) -> Result<Self> {
        let (pixels, labels) = split;
        let images = labels.len();
        let batch = batch.min(images.max(1));
        let mut buffers = network.clone();
        for (name, bytes) in [
            (Shared::Images, pixels.len()),
            (Shared::Labels, 4 * images),
            (Shared::Order, 4 * images),
            (Shared::Addends, 4 * images),
            (Shared::Records, heads * size_of::<Record>() * images),
        ] {
            buffers.insert(name, gpu.buffer(&name.to_string(), bytes)?);
        }
        gpu.write(&buffers[&Shared::Images], 0, pixels);
        gpu.write(&buffers[&Shared::Labels], 0, &widen(labels));
        // A copy of everything written is kept until the queue has worked on it.
        gpu.queue.submit([]);
        gpu.wait(None)?;
        let (replay, cursors) = (None, Vec::new());
        Ok(Self { purpose, buffers, images, batch, replay, steps_a_submission: 1, cursors })
    }

    /// A data set's split.
    pub(super) fn of(
        gpu: &Gpu,
        network: &Buffers,
        split: &Split,
        purpose: Purpose,
        sizes: [usize; 2],
    ) -> Result<Self> {
        Self::new(gpu, network, (split.images(), split.labels()), purpose, sizes)
    }

    /// Makes the next submissions longer or shorter, after one of `steps` steps that took the device
    /// this long.
    pub(super) fn adapt(&mut self, steps: usize, took: Duration) {
        let scale = SUBMISSION.as_secs_f64() / took.as_secs_f64().max(1e-6);
        let wanted = (steps as f64 * scale.clamp(0.25, 4.0)).round() as usize;
        self.steps_a_submission = wanted.clamp(1, 4096);
    }

    /// Makes the replay, if there is none yet.
    pub(super) fn prepare(&mut self, gpu: &Gpu, programs: &mut Programs) -> Result<()> {
        if self.replay.is_none() {
            self.replay = Some(programs.replay(gpu, self.purpose, self.batch, &self.buffers)?);
        }
        Ok(())
    }

    /// Sets the order and the addends of a pass, which fit this split, and where its steps stand; `rates`
    /// gives Adam's for a step, by its index.
    pub(super) fn begin(
        &mut self,
        gpu: &Gpu,
        order: &[u32],
        addends: &Addends,
        rates: impl Fn(u32) -> [f32; 4],
    ) {
        gpu.write(&self.buffers[&Shared::Order], 0, order);
        gpu.write(&self.buffers[&Shared::Addends], 0, &widen(addends.numbers()));
        let firsts = (0..order.len() as u32).step_by(self.batch);
        self.cursors.clear();
        self.cursors.extend((0..).zip(firsts).map(|(index, first)| {
            let [step_size, step_root, decay, blend] = rates(index);
            Cursor { first, end: order.len() as u32, step_size, step_root, decay, blend }
        }));
    }
}

/// A word for each byte, as shaders read them.
fn widen(bytes: &[u8]) -> Vec<u32> {
    bytes.iter().map(|&byte| u32::from(byte)).collect()
}
