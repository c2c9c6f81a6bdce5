//! Images a second in training, by the loop that `train` runs.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::host;
use crate::data::{self, Addends, Dataset, Split};
use crate::gpu::engine::GpuEngine;
use crate::gpu::shader::Library;
use crate::gpu::spans::{self, Track};
use crate::gpu::{Gpu, Kernels, Rehearsal, timing::median};
use crate::network::{DIGITS, Sizes};
use crate::plans::{Kind, tiles::Tiles};
use crate::random::{Purpose, Random};
use crate::train::{Engine, Epoch, Loss, Settings};
use crate::{Error, Result};

/// Images in an epoch at most: MNIST's.
pub const IMAGES: usize = 60_000;
/// Different ones among them.
const DRAWN: usize = 1_000;
/// Runs that the median is taken of.
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
    /// Share of the time that dispatches are being recorded, 0 to 1. A submission is left out: some drivers
    /// have it wait for the one before.
    pub recording_share: f64,
    /// Share of the time that the host thread computes, whatever it does; none where the system does not
    /// tell.
    pub host_cpu_share: Option<f64>,
    /// The longest submission, which is what a driver's watchdog sees.
    pub longest_submission_seconds: f64,
    /// How many runs there were.
    pub runs: usize,
}

/// Digits that stand for MNIST: a thousand drawn ones, over and over, and no test set.
pub fn images() -> Dataset {
    let labels: Vec<u8> = (0..IMAGES).map(|image| (image % DIGITS) as u8).collect();
    let mut random = Random::new(0, Purpose::Drawing, 0);
    let drawn: Vec<u8> = labels[..DRAWN].iter().flat_map(|&digit| data::draw(digit, &mut random)).collect();
    let train = Split { images: drawn.repeat(IMAGES / DRAWN), labels };
    Dataset { origin: "drawn digits".into(), train, test: Split { images: Vec::new(), labels: Vec::new() } }
}

/// Makes the plan for a batch and lets it go: what the device has no room for is told before anything is
/// measured.
///
/// # Errors
/// As [`Rehearsal::new`], naming plan and batch.
pub fn check(gpu: &Gpu, sizes: Sizes, plan: Kind, batch: usize) -> Result<()> {
    let mut kernels = Kernels::new(Library::Embedded, false);
    plan.programs(sizes, Loss::Logits, Tiles::of(gpu))
        .training(batch)
        .and_then(|program| Rehearsal::new(gpu, &mut kernels, program, &sizes.initial_parameters(1)))
        .map_err(|error| Error::Device(format!("the {plan} plan, batch {batch}: {error}")))?;
    Ok(())
}

/// Trains a network for about `seconds`, after a warm-up. An epoch has `images` images; without a number
/// as many as a run has the time for, in whole batches.
///
/// # Errors
/// More images than `dataset` has; a device that has no room for the batch, or fails.
pub fn measure(
    gpu: &Arc<Gpu>,
    sizes: Sizes,
    settings: Settings,
    dataset: &Dataset,
    images: Option<usize>,
    seconds: f64,
) -> Result<Throughput> {
    let batch = settings.batch;
    if batch.max(images.unwrap_or(0)) > dataset.train.len() {
        return Err(Error::Usage(format!(
            "a batch of {batch} is too large: at most {}",
            dataset.train.len()
        )));
    }
    let kernels = Kernels::new(Library::Embedded, false);
    let parameters = sizes.initial_parameters(1);
    let mut engine = GpuEngine::new(gpu.clone(), kernels, sizes, settings, &parameters, dataset)?;
    let addends = Addends::Fixed.draw(1, 0, dataset.train.len());
    let epoch = |images: usize| Epoch {
        order: data::order(1, 0, images as u32),
        addends: addends.clone(),
        learning_rate: 1e-3,
    };
    // The first step waits for the driver's compiler, the next ones find how many fit in a submission.
    engine.train_epoch(&epoch(batch), &mut |_| {})?;
    let run_seconds = seconds / RUNS as f64;
    let most = images.unwrap_or(dataset.train.len()) / batch * batch;
    let mut wanted = batch;
    loop {
        let start = Instant::now();
        engine.train_epoch(&epoch(wanted), &mut |_| {})?;
        if wanted >= most || start.elapsed().as_secs_f64() > run_seconds / 2.0 {
            break;
        }
        wanted = (2 * wanted).min(most);
    }

    let wanted = images.unwrap_or(wanted);
    let epoch = epoch(wanted);
    gpu.spans.take();
    let (all, cpu) = (Instant::now(), host::cpu_seconds());
    let mut rates = Vec::new();
    while rates.len() < RUNS && all.elapsed().as_secs_f64() < 2.0 * seconds {
        let start = Instant::now();
        let mut done = 0;
        while done == 0 || start.elapsed().as_secs_f64() < run_seconds {
            engine.train_epoch(&epoch, &mut |_| {})?;
            done += wanted;
        }
        rates.push(done as f64 / start.elapsed().as_secs_f64());
    }
    let all = all.elapsed().as_secs_f64();
    let cpu = cpu.zip(host::cpu_seconds()).map(|(before, after)| after - before);
    let spans = gpu.spans.take();
    let submissions = spans.iter().filter(|span| span.track == Track::Submissions);
    let runs = rates.len();
    let images_per_second = median(rates);
    Ok(Throughput {
        batch_size: batch,
        images: wanted,
        images_per_second,
        seconds_per_step: batch as f64 / images_per_second,
        recording_share: spans::seconds(&spans, "record") / all,
        host_cpu_share: cpu.map(|cpu| cpu / all),
        longest_submission_seconds: submissions.map(|s| s.length.as_secs_f64()).fold(0.0, f64::max),
        runs,
    })
}
