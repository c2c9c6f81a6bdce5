//! Training on a device: the data set and the network in its buffers, whole epochs without a round trip.

mod log;
pub mod probe;
mod programs;
mod reload;
mod split;
pub mod tune;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use self::log::Log;
use self::probe::Probe;
use self::programs::Programs;
use self::reload::HotReload;
use self::split::{DeviceSplit, Purpose};
use crate::data::{Addend, Addends, Dataset, Image};
use crate::gpu::spans::Track;
use crate::gpu::{Buffers, Gpu, Kernels};
use crate::network::{Head, Network};
use crate::ops::adam::Adam;
use crate::ops::softmax::Softmax;
use crate::plans::tiles::Tiles;
use crate::program::times::StepTimes;
use crate::program::{Record, Shared};
use crate::train::{
    Engine, Epoch, HeadMetrics, HeadPrediction, Metrics, Prediction, Recipe, State, StepLog, check_addends,
};
use crate::{Error, Result, reference};

/// Images of an evaluation step.
const EVALUATION_BATCH: usize = 500;

/// Submissions in flight at once.
const IN_FLIGHT: usize = 2;

/// The flat buffers of a network.
const FLAT: [Shared; 4] =
    [Shared::Parameters, Shared::Gradients, Shared::FirstMoments, Shared::SecondMoments];

/// An [`Engine`] on a wgpu device.
pub struct GpuEngine {
    gpu: Arc<Gpu>,
    network: Network,
    recipe: Recipe,
    programs: Programs,
    train: DeviceSplit,
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
        for name in FLAT {
            flat.insert(name, gpu.buffer(&name.to_string(), 4 * network.flat_len())?);
        }
        let heads = network.heads().len();
        let (training, evaluation) = ([recipe.batch_size, heads], [EVALUATION_BATCH, heads]);
        let mut engine = Self {
            programs: Programs::new(&network, &recipe, Tiles::of(&gpu), kernels),
            train: DeviceSplit::of(&gpu, &flat, &dataset.train, Purpose::Training, training)?,
            test: DeviceSplit::of(&gpu, &flat, &dataset.test, Purpose::Evaluation, evaluation)?,
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
        self.programs.plan = self.recipe.plan.programs(&self.network, self.recipe.loss, tiles);
        (self.train.replay, self.test.replay) = (None, None);
    }

    fn split(&self, purpose: Purpose) -> &DeviceSplit {
        match purpose {
            Purpose::Training => &self.train,
            Purpose::Evaluation => &self.test,
        }
    }

    fn split_mut(&mut self, purpose: Purpose) -> &mut DeviceSplit {
        match purpose {
            Purpose::Training => &mut self.train,
            Purpose::Evaluation => &mut self.test,
        }
    }

    /// Runs all steps over `images` images, and reports finished ones to `progress`.
    fn replay(&mut self, purpose: Purpose, images: usize, progress: &mut dyn FnMut(usize)) -> Result<()> {
        let training = purpose == Purpose::Training;
        let batch = self.split(purpose).batch;
        let all = images.div_ceil(batch);
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
                progress(images.min(done * batch));
                if unseen == 0 {
                    // The device already works on the next submission, so this is the time of one alone.
                    self.split_mut(purpose).adapt(steps, since.elapsed());
                }
                let recorded = if training { all - left } else { 0 };
                let logged = training && self.log_finished(done, images)?;
                let changed = self.look_for_changes(self.step + recorded as u32 + 1);
                unseen = if logged || changed { flying.len() } else { unseen.saturating_sub(1) };
                since = Instant::now();
            }
        }
        Ok(())
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

    /// The results of a pass over `images` images.
    fn metrics(&self, purpose: Purpose, images: usize) -> Result<Metrics> {
        let heads = self.network.heads();
        let records = self.records(purpose, 0, images)?;
        let of_steps = records.chunks(self.split(purpose).batch * heads.len());
        for (step, records) in (1..).zip(of_steps) {
            let loss = summed_loss(records, heads.len());
            if !loss.is_finite() {
                return Err(Error::Diverged(format!("the loss of step {step} is {loss}")));
            }
        }
        let head = |(index, head): (usize, &Head)| {
            let of_head = || records.iter().skip(index).step_by(heads.len());
            let loss: f64 = of_head().map(|record| f64::from(record.loss)).sum();
            HeadMetrics {
                head: head.name.clone(),
                loss: loss / images.max(1) as f64,
                correct: of_head().map(|record| record.right as usize).sum(),
            }
        };
        Ok(Metrics::new(images, heads.iter().enumerate().map(head).collect()))
    }

    fn read_flat(&self, name: Shared) -> Result<Vec<f32>> {
        self.gpu.read(&self.train.buffers[&name], 0, self.network.flat_len())
    }
}

/// The losses of some images, each the mean over its heads, summed.
fn summed_loss(records: &[Record], heads: usize) -> f64 {
    records.iter().map(|record| f64::from(record.loss)).sum::<f64>() / heads as f64
}

impl Engine for GpuEngine {
    fn train_epoch(&mut self, epoch: &Epoch, progress: &mut dyn FnMut(usize)) -> Result<Metrics> {
        let start = Instant::now();
        check_addends(epoch.addends(), self.train.images)?;
        self.look_for_changes(self.step + 1);
        let images = epoch.order().len();
        let Self { gpu, programs, train, .. } = self;
        train.prepare(gpu, programs)?;
        let (before, learning_rate) = (self.step, f64::from(epoch.learning_rate()));
        let rates = |index| Adam::default().rates(learning_rate, before + index + 1).map(|rate| rate as f32);
        train.begin(gpu, epoch.order(), epoch.addends(), rates);
        let steps = self.train.cursors.len() as u32;
        if let Some(log) = &mut self.log {
            log.added = 0;
        }
        self.replay(Purpose::Training, images, progress).map_err(|error| self.after_reload(error))?;
        self.step += steps;
        let metrics = self.metrics(Purpose::Training, images);
        self.gpu.spans.add(Track::Host, "epoch", start);
        metrics
    }

    fn evaluate(&mut self, addends: &Addends) -> Result<Metrics> {
        let start = Instant::now();
        let images = self.test.images;
        check_addends(addends, images)?;
        self.look_for_changes(self.step + 1);
        let Self { gpu, programs, test, .. } = self;
        test.prepare(gpu, programs)?;
        let order: Vec<u32> = (0..images as u32).collect();
        test.begin(gpu, &order, addends, |_| [0.0; 2]);
        let run = self.replay(Purpose::Evaluation, images, &mut |_| {});
        run.map_err(|error| self.after_reload(error))?;
        let metrics = self.metrics(Purpose::Evaluation, images);
        self.gpu.spans.add(Track::Host, "evaluation", start);
        metrics
    }

    fn predict(&mut self, image: &Image, addend: Addend) -> Result<Prediction> {
        let sizes = [1, self.network.heads().len()];
        let split = (image.pixels(), &[0u8][..]);
        let mut split = DeviceSplit::new(&self.gpu, &self.test.buffers, split, Purpose::Evaluation, sizes)?;
        split.begin(&self.gpu, &[0], &Addends::all(addend, 1), |_| [0.0; 2]);
        let replay = self.programs.replay(&self.gpu, Purpose::Evaluation, 1, &split.buffers)?;
        replay.run(&self.gpu, &split.cursors);
        let head = |(head, logits): (String, Vec<f32>)| {
            let mut probabilities = vec![0.0; logits.len()];
            let shape = Softmax { batch: 1, classes: logits.len() };
            reference::softmax::forward(&shape, &logits, &mut probabilities);
            HeadPrediction { head, probabilities }
        };
        Ok(Prediction { heads: replay.answers(&self.gpu)?.into_iter().map(head).collect() })
    }

    fn parameters(&mut self) -> Result<Vec<f32>> {
        self.read_flat(Shared::Parameters)
    }

    fn state(&mut self) -> Result<State> {
        Ok(State {
            parameters: self.read_flat(Shared::Parameters)?,
            first_moments: self.read_flat(Shared::FirstMoments)?,
            second_moments: self.read_flat(Shared::SecondMoments)?,
            step: self.step,
        })
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        state.check(self.network.flat_len())?;
        for (name, flat) in [
            (Shared::Parameters, &state.parameters),
            (Shared::FirstMoments, &state.first_moments),
            (Shared::SecondMoments, &state.second_moments),
        ] {
            self.gpu.write(&self.train.buffers[&name], 0, flat);
        }
        self.step = state.step;
        Ok(())
    }

    fn log_steps(&mut self, log: StepLog) {
        self.log = Some(Log { log, added: 0 });
    }

    fn time_step(&mut self, seconds: f64) -> Result<Option<StepTimes>> {
        let program = self.programs.program(Purpose::Training, self.train.batch)?;
        let parameters = self.parameters()?;
        let Programs { kernels, library, .. } = &mut self.programs;
        let probe = Probe::new(&self.gpu, kernels, library, program, &parameters)?;
        Ok(Some(probe.time(&self.gpu, seconds)?))
    }
}
