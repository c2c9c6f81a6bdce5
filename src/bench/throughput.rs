//! Images a second in training, with the loop that `train` runs.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::host;
use crate::data::{self, AddendDraw, Dataset, Split};
use crate::engine::gpu::GpuEngine;
use crate::engine::gpu::probe::Probe;
use crate::gpu::spans::{self, Track};
use crate::gpu::{Gpu, Kernels};
use crate::network::{DIGITS, Network};
use crate::ops::adam::Adam;
use crate::plans::{Kind, tiles::Tiles};
use crate::program::times::median;
use crate::random::{Purpose, Random};
use crate::train::{Engine, Epoch, Recipe};
use crate::wgsl::Library;
use crate::{Error, Result};

/// Images in an epoch at most: as many as MNIST has.
pub const IMAGES: usize = 60_000;
/// Different ones among them.
const DRAWN: usize = 1_000;
/// Runs, of which the median counts.
const RUNS: usize = 5;

/// How fast one batch size trains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Throughput {
    /// Images of a step.
    pub batch_size: usize,
    /// Images of an epoch.
    pub images: usize,
    /// The median of all runs.
    pub images_per_second: f64,
    /// What a step takes at that rate.
    pub seconds_per_step: f64,
    /// Share of the time spent recording dispatches, 0 to 1. Submitting is left out: some drivers make it
    /// wait for the submission before.
    pub recording_share: f64,
    /// Share of the time that the host thread spends on a processor; none where the system does not report
    /// it.
    pub host_cpu_share: Option<f64>,
    /// The longest submission, which is what a driver's watchdog sees.
    pub longest_submission_seconds: f64,
    /// How many runs there were.
    pub runs: usize,
}

/// Digits that stand in for MNIST: a thousand drawn ones, repeated, and no test set.
///
/// # Errors
/// None: they are sound.
pub fn images() -> Result<Dataset> {
    let labels: Vec<u8> = (0..IMAGES).map(|image| (image % DIGITS) as u8).collect();
    let mut random = Random::new(0, Purpose::Drawing, 0);
    let drawn: Vec<u8> = labels[..DRAWN].iter().flat_map(|&digit| data::draw(digit, &mut random)).collect();
    let train = Split::new(drawn.repeat(IMAGES / DRAWN), labels)?;
    Ok(Dataset { origin: "drawn digits".into(), train, validation: Split::default(), test: Split::default() })
}

/// Makes the replay for a batch and drops it: what the device has no room for is reported before anything is
/// measured.
///
/// # Errors
/// As [`Probe::new`], naming plan and batch.
pub fn check(gpu: &Gpu, network: &Network, plan: Kind, batch: usize) -> Result<()> {
    let mut kernels = Kernels::new(false);
    let parameters = network.initial_parameters(1);
    plan.programs(network, Recipe::default().loss, Adam::default(), Tiles::of(gpu))
        .training(batch)
        .and_then(|program| Probe::new(gpu, &mut kernels, &Library::Embedded, program, &parameters))
        .map_err(|error| Error::Device(format!("the {plan} plan, batch {batch}: {error}")))?;
    Ok(())
}

/// Trains a network for about `seconds`, after a warm-up. An epoch has `images` images; if none are
/// given, as many as a run has time for, in whole batches.
///
/// # Errors
/// More images than `dataset` has; a device that has no room for the batch, or fails.
pub fn measure(
    gpu: &Arc<Gpu>,
    network: &Network,
    recipe: &Recipe,
    dataset: &Dataset,
    images: Option<usize>,
    seconds: f64,
) -> Result<Throughput> {
    let (batch, all) = (recipe.batch_size, dataset.train.len());
    let most = batch.max(images.unwrap_or(0));
    if most > all {
        return Err(Error::Usage(format!("{most} images at once or per epoch, but there are only {all}")));
    }
    let parameters = network.initial_parameters(1);
    let kernels = Kernels::new(false);
    let engine = GpuEngine::new(gpu.clone(), kernels, network.clone(), recipe.clone(), parameters, dataset);
    let mut training = Training { engine: engine?, images: all };
    let run_seconds = seconds / RUNS as f64;
    let fitting = training.warm_up(batch, images.unwrap_or(all) / batch * batch, run_seconds)?;
    let images = images.unwrap_or(fitting);

    gpu.spans.take();
    let (start, cpu) = (Instant::now(), host::cpu_seconds());
    let rates = training.rates(images, seconds, run_seconds)?;
    let elapsed = start.elapsed().as_secs_f64();
    let cpu = cpu.zip(host::cpu_seconds()).map(|(before, after)| after - before);
    let spans = gpu.spans.take();
    let submissions = spans.iter().filter(|span| span.track == Track::Submissions);
    let runs = rates.len();
    let images_per_second = median(rates);
    Ok(Throughput {
        batch_size: batch,
        images,
        images_per_second,
        seconds_per_step: batch as f64 / images_per_second,
        recording_share: spans::seconds(&spans, "record") / elapsed,
        host_cpu_share: cpu.map(|cpu| cpu / elapsed),
        longest_submission_seconds: submissions.map(|s| s.length.as_secs_f64()).fold(0.0, f64::max),
        runs,
    })
}

/// The loop that `train` runs, on epochs of any length.
struct Training {
    engine: GpuEngine,
    images: usize,
}

impl Training {
    fn epoch(&self, images: usize) -> Result<Epoch> {
        let addends = AddendDraw::Fixed.draw(1, 0, self.images);
        Epoch::new(data::order(1, 0, images as u32), addends, 1e-3)
    }

    fn train(&mut self, epoch: &Epoch) -> Result<()> {
        self.engine.train_epoch(epoch, &mut |_| {}).map(drop)
    }

    /// How many images fit into half a run. The first step waits for the driver's compiler; the next ones
    /// find how many steps fit into a submission.
    fn warm_up(&mut self, batch: usize, most: usize, run_seconds: f64) -> Result<usize> {
        self.train(&self.epoch(batch)?)?;
        let mut fitting = batch;
        loop {
            let epoch = self.epoch(fitting)?;
            let start = Instant::now();
            self.train(&epoch)?;
            if fitting >= most || start.elapsed().as_secs_f64() > run_seconds / 2.0 {
                return Ok(fitting);
            }
            fitting = (2 * fitting).min(most);
        }
    }

    /// Images a second of each run.
    fn rates(&mut self, images: usize, seconds: f64, run_seconds: f64) -> Result<Vec<f64>> {
        let epoch = self.epoch(images)?;
        let all = Instant::now();
        let mut rates = Vec::new();
        while rates.len() < RUNS && all.elapsed().as_secs_f64() < 2.0 * seconds {
            let start = Instant::now();
            let mut done = 0;
            while done == 0 || start.elapsed().as_secs_f64() < run_seconds {
                self.train(&epoch)?;
                done += images;
            }
            rates.push(done as f64 / start.elapsed().as_secs_f64());
        }
        Ok(rates)
    }
}
