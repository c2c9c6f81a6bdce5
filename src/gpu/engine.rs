//! Training on a device: the data set and the network in its buffers, whole epochs without a round trip.

mod log;
mod part;
mod reload;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use self::log::Log;
use self::part::Part;
use self::reload::HotReload;
use super::device::Gpu;
use super::kernel::Kernels;
use super::plan::{Buffers, Plan};
use super::rehearsal::Rehearsal;
use super::spans::Track;
use crate::data::{Dataset, Split};
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops::adam::Adam;
use crate::ops::softmax::Softmax;
use crate::plans::{Programs, tiles::Tiles};
use crate::program::Shared;
use crate::train::{Engine, Epoch, Metrics, Prediction, Settings, StepLog, StepTimes};
use crate::{Error, Result, reference};

/// Images of an evaluation step.
const EVALUATION_BATCH: usize = 500;

/// Submissions on their way at once.
const IN_FLIGHT: usize = 2;

/// What a step leaves of an image, as the shaders write it.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Record {
    loss: f32,
    digit: u32,
    sum: u32,
}

/// The summed loss of a step's images.
fn summed_loss(step: &[Record]) -> f64 {
    step.iter().map(|image| f64::from(image.loss)).sum()
}

/// An [`Engine`] on a wgpu device.
pub struct GpuEngine {
    gpu: Arc<Gpu>,
    kernels: Kernels,
    sizes: Sizes,
    settings: Settings,
    programs: Box<dyn Programs>,
    train: Part,
    test: Part,
    adam_step: u32,
    hot_reload: Option<HotReload>,
    log: Option<Log>,
}

impl GpuEngine {
    /// Puts a network with these flat `parameters` and a data set on the device.
    pub fn new(
        gpu: Arc<Gpu>,
        kernels: Kernels,
        sizes: Sizes,
        settings: Settings,
        parameters: &[f32],
        dataset: &Dataset,
    ) -> Result<Self> {
        if settings.batch == 0 {
            return Err(Error::Usage("the batch size must be at least 1".into()));
        }
        sizes.check()?;
        let pixels = sizes.side * sizes.side;
        let mut network = Buffers::new();
        let bytes = 4 * sizes.flat_len();
        for name in [Shared::Parameters, Shared::Gradients, Shared::FirstMoments, Shared::SecondMoments] {
            network.insert(name, gpu.buffer(&format!("{name:?}"), bytes)?);
        }
        let mut engine = Self {
            kernels,
            sizes,
            settings,
            programs: settings.plan.programs(sizes, settings.loss, Tiles::of(&gpu)),
            train: Part::new(&gpu, &network, &dataset.train, pixels, settings.batch)?,
            test: Part::new(&gpu, &network, &dataset.test, pixels, EVALUATION_BATCH)?,
            adam_step: 0,
            hot_reload: None,
            log: None,
            gpu,
        };
        engine.set_parameters(parameters)?;
        Ok(engine)
    }

    /// Cuts the fused plan into these tiles. For before the first step.
    pub fn cut(&mut self, tiles: Tiles) {
        self.programs = self.settings.plan.programs(self.sizes, self.settings.loss, tiles);
        (self.train.plan, self.test.plan) = (None, None);
    }

    fn part(&self, training: bool) -> &Part {
        if training { &self.train } else { &self.test }
    }

    /// Runs all steps over `images` images, telling `progress` of finished ones.
    fn replay(&mut self, training: bool, images: usize, progress: &mut dyn FnMut(usize)) -> Result<()> {
        let batch = self.part(training).batch;
        let all = images.div_ceil(batch);
        let mut left = all;
        let mut done = 0;
        let mut flying = VecDeque::new();
        // Submissions that the device has worked on while the host was not waiting for them.
        let mut unseen = 0;
        let mut since = Instant::now();
        while left > 0 || !flying.is_empty() {
            if left > 0 && flying.len() < IN_FLIGHT {
                let mut steps = left.min(self.part(training).steps_a_submission);
                if training {
                    steps = self.until_line(all - left, steps);
                }
                let Part { plan, cursors, .. } = self.part(training);
                let Some(plan) = plan else { break };
                let next = &cursors[all - left..][..steps];
                flying.push_back((plan.run(&self.gpu, next), steps));
                left -= steps;
            } else if let Some((submission, steps)) = flying.pop_front() {
                self.gpu.wait(Some(submission))?;
                self.gpu.spans.add(Track::Submissions, "submission", since);
                done += steps;
                progress(images.min(done * batch));
                if unseen == 0 {
                    // The device works on the next submission already, so this is one's own time.
                    let part = if training { &mut self.train } else { &mut self.test };
                    part.adapt(steps, since.elapsed());
                }
                let recorded = if training { all - left } else { 0 };
                let logged = training && self.log_finished(done, images)?;
                let changed = self.look_for_changes(self.adam_step + recorded as u32 + 1);
                unseen = if logged || changed { flying.len() } else { unseen.saturating_sub(1) };
                since = Instant::now();
            }
        }
        Ok(())
    }

    /// Softmax of `classes` logits that begin at a word of a plan's tensor.
    fn softmax(&self, plan: &Plan, (name, at): (&str, usize), classes: usize) -> Result<Vec<f32>> {
        let tensor = plan.program.find(name);
        let tensor = tensor.ok_or_else(|| Error::Device(format!("the plan has no tensor `{name}`")))?;
        let words: Vec<f32> = plan.read(&self.gpu, tensor)?;
        let mut y = vec![0.0; classes];
        reference::softmax::forward(&Softmax { batch: 1, classes }, &words[at..at + classes], &mut y);
        Ok(y)
    }

    fn records(&self, part: &Part, images: usize) -> Result<Metrics> {
        let records: Vec<Record> = self.gpu.read(&part.buffers[&Shared::Records], 0, images)?;
        let mut loss = 0.0;
        for (step, records) in (1..).zip(records.chunks(part.batch)) {
            let step_loss = summed_loss(records);
            if !step_loss.is_finite() {
                return Err(Error::Diverged(format!("the loss of step {step} is {step_loss}")));
            }
            loss += step_loss;
        }
        let right = |of: fn(&Record) -> u32| records.iter().map(|image| of(image) as usize).sum();
        let (digits, sums) = (right(|image| image.digit), right(|image| image.sum));
        Ok(Metrics { images, loss: loss / images.max(1) as f64, digits, sums })
    }
}

impl Engine for GpuEngine {
    fn train_epoch(&mut self, epoch: &Epoch, progress: &mut dyn FnMut(usize)) -> Result<Metrics> {
        let start = Instant::now();
        self.look_for_changes(self.adam_step + 1);
        let images = epoch.order.len();
        let Self { gpu, kernels, programs, train, .. } = self;
        train.prepare(gpu, kernels, images, |batch| programs.training(batch))?;
        let (before, learning_rate) = (self.adam_step, f64::from(epoch.learning_rate));
        let rates = |index| Adam::default().rates(learning_rate, before + index + 1).map(|rate| rate as f32);
        train.begin(gpu, &epoch.order, &epoch.addends, rates)?;
        let steps = self.train.cursors.len() as u32;
        if let Some(log) = &mut self.log {
            log.added = 0;
        }
        self.replay(true, images, progress).map_err(|error| self.after_reload(error))?;
        self.adam_step += steps;
        let metrics = self.records(&self.train, images);
        self.gpu.spans.add(Track::Host, "epoch", start);
        metrics
    }

    fn evaluate(&mut self, addends: &[u8]) -> Result<Metrics> {
        let start = Instant::now();
        self.look_for_changes(self.adam_step + 1);
        let images = self.test.images;
        let Self { gpu, kernels, programs, test, .. } = self;
        test.prepare(gpu, kernels, images, |batch| programs.evaluation(batch))?;
        let order: Vec<u32> = (0..images as u32).collect();
        test.begin(gpu, &order, addends, |_| [0.0; 2])?;
        self.replay(false, images, &mut |_| {}).map_err(|error| self.after_reload(error))?;
        let metrics = self.records(&self.test, images);
        self.gpu.spans.add(Track::Host, "evaluation", start);
        metrics
    }

    fn predict(&mut self, image: &[u8], addend: u8) -> Result<Prediction> {
        let split = Split { images: image.to_vec(), labels: vec![0] };
        let pixels = self.sizes.side * self.sizes.side;
        let mut part = Part::new(&self.gpu, &self.test.buffers, &split, pixels, 1)?;
        part.begin(&self.gpu, &[0], &[addend], |_| [0.0; 2])?;
        let program = self.programs.evaluation(1)?;
        let plan = Plan::new(&self.gpu, &mut self.kernels, program, &part.buffers)?;
        plan.run(&self.gpu, &part.cursors);
        let [digit, sum] = self.programs.logits();
        Ok(Prediction { digit: self.softmax(&plan, digit, DIGITS)?, sum: self.softmax(&plan, sum, SUMS)? })
    }

    fn parameters(&mut self) -> Result<Vec<f32>> {
        self.gpu.read(&self.train.buffers[&Shared::Parameters], 0, self.sizes.flat_len())
    }

    fn log_steps(&mut self, log: StepLog) {
        self.log = Some(Log { log, added: 0 });
    }

    fn set_parameters(&mut self, flat: &[f32]) -> Result<()> {
        if flat.len() != self.sizes.flat_len() {
            let (found, needed) = (flat.len(), self.sizes.flat_len());
            return Err(Error::Usage(format!("{found} parameters given, {needed} are needed")));
        }
        let zeros = vec![0.0f32; flat.len()];
        self.gpu.write(&self.train.buffers[&Shared::Parameters], 0, flat);
        self.gpu.write(&self.train.buffers[&Shared::FirstMoments], 0, &zeros);
        self.gpu.write(&self.train.buffers[&Shared::SecondMoments], 0, &zeros);
        self.adam_step = 0;
        Ok(())
    }

    fn time_step(&mut self, seconds: f64) -> Result<Option<StepTimes>> {
        let program = self.programs.training(self.train.batch)?;
        let parameters = self.parameters()?;
        let rehearsal = Rehearsal::new(&self.gpu, &mut self.kernels, program, &parameters)?;
        Ok(Some(rehearsal.time(&self.gpu, seconds)?))
    }
}
