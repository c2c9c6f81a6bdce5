//! Training on a device: the data set and the network in its buffers, whole epochs without a round trip.

mod as_engine;
mod changes;
mod log;
pub mod probe;
mod programs;
mod reload;
mod split;
pub mod tune;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use self::changes::Changes;
use self::log::Log;
use self::programs::Programs;
use self::reload::HotReload;
use self::split::{DeviceSplit, Purpose};
use crate::data::{Addends, Dataset, HeldOut};
use crate::gpu::spans::Track;
use crate::gpu::{Buffers, Gpu, Kernels};
use crate::network::Network;
use crate::plans::tiles::Tiles;
use crate::program::{Record, Shared};
use crate::train::{Engine, Recipe, State, Tally, check_addends};
use crate::{Error, Result};

/// Images of an evaluation step.
const EVALUATION_BATCH: usize = 500;

/// Submissions in flight at once.
const IN_FLIGHT: usize = 2;

/// The flat buffers of a network, beside the average that some recipes keep.
const FLAT: [Shared; 4] =
    [Shared::Parameters, Shared::Gradients, Shared::FirstMoments, Shared::SecondMoments];

/// An [`Engine`] on a wgpu device.
pub struct GpuEngine {
    gpu: Arc<Gpu>,
    network: Network,
    recipe: Recipe,
    programs: Programs,
    train: DeviceSplit,
    changes: Option<Changes>,
    validation: DeviceSplit,
    test: DeviceSplit,
    step: u32,
    hot_reload: Option<HotReload>,
    log: Option<Log>,
}

impl GpuEngine {
    /// Puts a network with these flat `parameters` and a data set on the device.
    ///
    /// # Errors
    /// [`Error::Usage`] for a batch of 0 images or a network that takes other images; [`Error::Data`] for
    /// parameters of another network; [`Error::Device`] where the device has no room.
    pub fn new(
        gpu: Arc<Gpu>,
        kernels: Kernels,
        network: Network,
        recipe: Recipe,
        parameters: Vec<f32>,
        dataset: &Dataset,
    ) -> Result<Self> {
        super::check(&network, &recipe)?;
        let mut flat = Buffers::new();
        for name in FLAT.into_iter().chain(recipe.ema.map(|_| Shared::Average)) {
            flat.insert(name, gpu.buffer(&name.to_string(), 4 * network.flat_len())?);
        }
        let heads = network.heads().len();
        let held_out = |which| {
            let (split, sizes) = (dataset.held_out(which), [EVALUATION_BATCH, heads]);
            DeviceSplit::of(&gpu, &flat, split, Purpose::Evaluation(which), sizes)
        };
        let sizes = [recipe.batch_size, heads];
        let mut train = DeviceSplit::of(&gpu, &flat, &dataset.train, Purpose::Training, sizes)?;
        let mut engine = Self {
            programs: Programs::new(&network, &recipe, Tiles::of(&gpu), kernels),
            changes: Changes::new(&gpu, recipe.augment, &mut train.buffers)?,
            train,
            validation: held_out(HeldOut::Validation)?,
            test: held_out(HeldOut::Test)?,
            step: 0,
            hot_reload: None,
            log: None,
            gpu,
            network,
            recipe,
        };
        engine.set_state(&State::new(parameters))?;
        Ok(engine)
    }

    /// Cuts the fused plan into these tiles, before the first step.
    pub fn cut(&mut self, tiles: Tiles) {
        let Self { recipe, network, .. } = self;
        self.programs.plan = recipe.plan.programs(network, recipe.loss(), recipe.adam(), tiles);
        self.splits_mut().into_iter().for_each(|split| split.replay = None);
    }

    fn splits_mut(&mut self) -> [&mut DeviceSplit; 3] {
        [&mut self.train, &mut self.validation, &mut self.test]
    }

    fn split(&self, purpose: Purpose) -> &DeviceSplit {
        match purpose {
            Purpose::Training => &self.train,
            Purpose::Evaluation(HeldOut::Validation) => &self.validation,
            Purpose::Evaluation(HeldOut::Test) => &self.test,
        }
    }

    fn split_mut(&mut self, purpose: Purpose) -> &mut DeviceSplit {
        match purpose {
            Purpose::Training => &mut self.train,
            Purpose::Evaluation(HeldOut::Validation) => &mut self.validation,
            Purpose::Evaluation(HeldOut::Test) => &mut self.test,
        }
    }

    /// Runs all steps over `images` images, and reports finished ones to `progress`. Where that says so, only
    /// those that are in flight are run to their end. Returns the number of images done.
    fn replay(
        &mut self,
        purpose: Purpose,
        images: usize,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<usize> {
        let training = purpose == Purpose::Training;
        let batch = self.split(purpose).batch;
        let mut all = images.div_ceil(batch);
        let mut left = all;
        let mut done = 0;
        let mut flying = VecDeque::new();
        // Submissions that the device has worked on while the host was not waiting for them.
        let mut unseen = 0;
        let mut since = Instant::now();
        while left > 0 || !flying.is_empty() {
            if left > 0 && flying.len() < IN_FLIGHT {
                let mut steps = left.min(self.split(purpose).steps_a_submission);
                if training {
                    steps = self.until_line(all - left, steps);
                }
                flying.push_back((self.submit(purpose, all - left, steps)?, steps));
                left -= steps;
            } else if let Some((submission, steps)) = flying.pop_front() {
                self.gpu.wait(Some(submission))?;
                self.gpu.spans.add(Track::Submissions, "submission", since);
                done += steps;
                if progress(images.min(done * batch)).is_break() {
                    all -= std::mem::take(&mut left);
                }
                if unseen == 0 {
                    // The device already works on the next submission, so this is the time of one alone.
                    self.split_mut(purpose).adapt(steps, since.elapsed());
                }
                let recorded = if training { all - left } else { 0 };
                let logged = training && self.log_finished(done, all, images)?;
                let changed = self.look_for_changes(self.step + recorded as u32 + 1);
                unseen = if logged || changed { flying.len() } else { unseen.saturating_sub(1) };
                since = Instant::now();
            }
        }
        Ok(images.min(done * batch))
    }

    /// Submits `steps` steps of the pass, from step `first` on.
    fn submit(&self, purpose: Purpose, first: usize, steps: usize) -> Result<wgpu::SubmissionIndex> {
        let DeviceSplit { replay, cursors, .. } = self.split(purpose);
        let replay = replay.as_ref().ok_or_else(|| Error::Device("there is nothing to replay".into()))?;
        Ok(replay.run(&self.gpu, &cursors[first..first + steps]))
    }

    /// The records of the images of a pass from image `first` on, those of each image's heads side by side.
    fn records(&self, purpose: Purpose, first: usize, images: usize) -> Result<Vec<Record>> {
        let heads = self.network.heads().len();
        let buffer = &self.split(purpose).buffers[&Shared::Records];
        self.gpu.read(buffer, first * heads * size_of::<Record>(), images * heads)
    }

    /// Adds the results of a pass over `images` images to `tally`, whose first step was `first`.
    fn tally(&self, purpose: Purpose, images: usize, first: u32, tally: &mut Tally) -> Result<()> {
        let heads = self.network.heads().len();
        let records = self.records(purpose, 0, images)?;
        for (step, records) in (first..).zip(records.chunks(self.split(purpose).batch * heads)) {
            let loss = summed_loss(records, heads);
            if !loss.is_finite() {
                return Err(Error::Diverged(format!("the loss of step {step} is {loss}")));
            }
        }
        tally.heads.resize(heads, (0.0, 0));
        tally.images += images;
        for image in records.chunks(heads) {
            for ((loss, correct), record) in tally.heads.iter_mut().zip(image) {
                *loss += f64::from(record.loss);
                *correct += record.right as usize;
            }
        }
        Ok(())
    }

    /// Makes ready to run a held-out set with these addends.
    fn begin_evaluation(&mut self, which: HeldOut, addends: &Addends) -> Result<()> {
        let purpose = Purpose::Evaluation(which);
        let images = self.split(purpose).images;
        check_addends(addends, images)?;
        self.look_for_changes(self.step + 1);
        let Self { gpu, programs, validation, test, .. } = self;
        let split = if which == HeldOut::Test { test } else { validation };
        split.prepare(gpu, programs)?;
        let order: Vec<u32> = (0..images as u32).collect();
        split.begin(gpu, &order, addends, |_| [0.0; 4]);
        Ok(())
    }

    fn read_flat(&self, name: Shared) -> Result<Vec<f32>> {
        self.gpu.read(&self.train.buffers[&name], 0, self.network.flat_len())
    }
}

/// The losses of some images, each the mean over its heads, summed.
fn summed_loss(records: &[Record], heads: usize) -> f64 {
    records.iter().map(|record| f64::from(record.loss)).sum::<f64>() / heads as f64
}
