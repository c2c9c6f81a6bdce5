//! The random changes of the training images, which come before an epoch's steps: no kernel of a step knows
//! of them.

use super::programs::Programs;
use crate::Result;
use crate::data::Augment;
use crate::gpu::spans::Track;
use crate::gpu::{Buffers, Gpu, Replay};
use crate::plans::augmented;
use crate::program::{Cursor, Program, Shared};
use crate::train::Epoch;

/// Dispatches of a submission: short enough for the watchdogs of slow devices.
const DISPATCHES_A_SUBMISSION: usize = 8;

/// The changes of a training set, from its originals to the images that the steps read.
pub(super) struct Changes {
    amount: Augment,
    pub replay: Option<Replay>,
}

impl Changes {
    /// Those of a training set whose buffers are `split`, if there are any: what were its images are its
    /// originals from now on.
    pub(super) fn new(gpu: &Gpu, amount: Augment, split: &mut Buffers) -> Result<Option<Self>> {
        if amount.is_none() {
            return Ok(None);
        }
        let originals = split[&Shared::Images].clone();
        let images = gpu.buffer(&Shared::Images.to_string(), originals.size() as usize)?;
        split.insert(Shared::Images, images);
        split.insert(Shared::Originals, originals);
        split.insert(Shared::Key, gpu.buffer(&Shared::Key.to_string(), size_of::<[u32; 2]>())?);
        Ok(Some(Self { amount, replay: None }))
    }

    /// What is replayed.
    pub(super) fn program(&self) -> Program {
        augmented::program(&self.amount)
    }

    /// Makes the replay, if there is none yet.
    pub(super) fn prepare(&mut self, gpu: &Gpu, programs: &mut Programs, split: &Buffers) -> Result<()> {
        if self.replay.is_none() {
            let Programs { kernels, library, .. } = programs;
            self.replay = Some(Replay::new(gpu, kernels, library, self.program(), split)?);
        }
        Ok(())
    }

    /// Changes the images of an epoch, whose order is on the device already. Waits for them, so that the time of
    /// the first steps is theirs alone.
    pub(super) fn run(&self, gpu: &Gpu, epoch: &Epoch, split: &Buffers) -> Result<()> {
        let Some(replay) = &self.replay else { return Ok(()) };
        let start = std::time::Instant::now();
        gpu.write(&split[&Shared::Key], 0, &epoch.key());
        let end = epoch.order().len() as u32;
        let cursors: Vec<Cursor> = (0..end)
            .step_by(augmented::BATCH)
            .map(|first| Cursor { first, end, ..Cursor::default() })
            .collect();
        for cursors in cursors.chunks(DISPATCHES_A_SUBMISSION) {
            replay.run(gpu, cursors);
        }
        gpu.wait(None)?;
        gpu.spans.add(Track::Host, "augment", start);
        Ok(())
    }
}
