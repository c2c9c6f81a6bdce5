//! Training on the CPU: the reference in f32, on all cores.

use super::gather::{self, Source};
use super::network::{Network, Pass};
use super::{add, metrics, softmax};
use crate::data::{Dataset, Split};
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops::adam::Adam;
use crate::ops::softmax::Softmax;
use crate::train::{Engine, Epoch, Metrics, Prediction, Settings, StepLog};
use crate::{Error, Result};
use rayon::prelude::*;
use std::sync::Arc;

/// Images that one task takes. The chunks of a batch are added up in their order, so that the result
/// is the same for any number of threads.
const CHUNK: usize = 8;
/// Images between two reports of progress.
const REPORT: usize = 1024;

/// The network, its optimizer and its data, in main memory.
pub struct CpuEngine {
    network: Network,
    settings: Settings,
    dataset: Arc<Dataset>,
    adam: Adam,
    step: u32,
    w: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
    log: Option<StepLog>,
}

/// Some images, gathered.
struct Inputs {
    image: Vec<f32>,
    number: Vec<f32>,
    digit: Vec<u32>,
    sum: Vec<u32>,
}

/// What came of some images, the loss summed.
#[derive(Clone, Copy, Default)]
struct Tally {
    images: usize,
    loss: f64,
    digits: usize,
    sums: usize,
}

impl CpuEngine {
    /// An engine that starts from flat `parameters`, the optimizer at rest.
    ///
    /// # Errors
    /// [`Error::Usage`] for a batch of 0 images, [`Error::Data`] for parameters or a data set that do
    /// not fit the sizes.
    pub fn new(
        sizes: Sizes,
        settings: Settings,
        parameters: Vec<f32>,
        dataset: impl Into<Arc<Dataset>>,
    ) -> Result<Self> {
        sizes.check()?;
        let dataset = dataset.into();
        if settings.batch == 0 {
            return Err(Error::Usage("the batch size is 0; it must be at least 1".into()));
        }
        for (name, split) in [("training", &dataset.train), ("test", &dataset.test)] {
            if split.images.len() != split.labels.len() * sizes.side * sizes.side {
                return Err(Error::Data(format!(
                    "the {name} set has {} labels but {} bytes of images",
                    split.labels.len(),
                    split.images.len()
                )));
            }
            if let Some(label) = split.labels.iter().find(|&&label| usize::from(label) >= DIGITS) {
                return Err(Error::Data(format!("the {name} set has a label {label}; labels are 0 to 9")));
            }
        }
        let network = Network::new(sizes, settings.loss);
        let mut engine = Self {
            network,
            settings,
            dataset,
            adam: Adam::default(),
            step: 0,
            w: vec![],
            m: vec![],
            v: vec![],
            log: None,
        };
        engine.set_parameters(&parameters)?;
        Ok(engine)
    }

    /// One training step on some images: the mean gradient, then Adam.
    fn train_batch(&mut self, order: &[u32], epoch: &Epoch) -> Tally {
        let scale = 1.0 / order.len() as f64;
        let chunks: Vec<(Vec<f32>, Tally)> = order
            .par_chunks(CHUNK)
            .map(|chunk| {
                let inputs = gather(chunk, &self.dataset.train, &epoch.addends);
                let pass = self.network.forward(&self.w, &inputs.image, &inputs.number);
                let (loss, dlogits) = self.network.loss(&pass, [&inputs.digit, &inputs.sum], scale);
                let gradients = self.network.backward(&self.w, &inputs.image, &inputs.number, &pass, dlogits);
                (gradients.flat, tally(&pass, &inputs, &loss))
            })
            .collect();
        let (dw, tally) = chunks
            .into_iter()
            .reduce(|(left, total), (right, tally)| {
                let mut sum = vec![0.0; left.len()];
                add::forward(&left, &right, &mut sum);
                (sum, total + tally)
            })
            .unwrap_or_default();
        self.step += 1;
        let learning_rate = f64::from(epoch.learning_rate);
        super::adam::step(&self.adam, learning_rate, self.step, &dw, &mut self.w, &mut self.m, &mut self.v);
        tally
    }
}

impl Engine for CpuEngine {
    fn train_epoch(&mut self, epoch: &Epoch, progress: &mut dyn FnMut(usize)) -> Result<Metrics> {
        check_addends(&epoch.addends, self.dataset.train.labels.len())?;
        if let Some(index) = epoch.order.iter().find(|&&i| i as usize >= self.dataset.train.labels.len()) {
            return Err(Error::Usage(format!(
                "image {index} is to be trained on, but there are only {}",
                self.dataset.train.labels.len()
            )));
        }
        let steps = epoch.order.len().div_ceil(self.settings.batch);
        let mut total = Tally::default();
        for (index, order) in epoch.order.chunks(self.settings.batch).enumerate() {
            let tally = self.train_batch(order, epoch);
            if !tally.loss.is_finite() {
                return Err(Error::Diverged(format!(
                    "the loss of step {} of {steps} is {}",
                    index + 1,
                    tally.loss / tally.images as f64,
                )));
            }
            if let Some(log) = &mut self.log {
                log.add(tally.images, tally.loss);
            }
            let reported = total.images / REPORT;
            total = total + tally;
            if total.images / REPORT > reported || total.images == epoch.order.len() {
                progress(total.images);
            }
        }
        Ok(total.metrics())
    }

    fn evaluate(&mut self, addends: &[u8]) -> Result<Metrics> {
        let test = &self.dataset.test;
        check_addends(addends, test.labels.len())?;
        let order: Vec<u32> = (0..test.labels.len() as u32).collect();
        let chunks: Vec<Tally> = order
            .par_chunks(CHUNK)
            .map(|chunk| {
                let inputs = gather(chunk, test, addends);
                let pass = self.network.forward(&self.w, &inputs.image, &inputs.number);
                let (loss, _) = self.network.loss(&pass, [&inputs.digit, &inputs.sum], 1.0);
                tally(&pass, &inputs, &loss)
            })
            .collect();
        let metrics = chunks.into_iter().fold(Tally::default(), |total, tally| total + tally).metrics();
        if !metrics.loss.is_finite() {
            return Err(Error::Diverged(format!("the loss is {}", metrics.loss)));
        }
        Ok(metrics)
    }

    fn predict(&mut self, image: &[u8], addend: u8) -> Result<Prediction> {
        let pixels = self.network.sizes.side * self.network.sizes.side;
        if image.len() != pixels {
            return Err(Error::Usage(format!("an image has {pixels} pixels, this one {}", image.len())));
        }
        check_addends(&[addend], 1)?;
        let split = Split { images: image.to_vec(), labels: vec![0] };
        let inputs = gather(&[0], &split, &[addend]);
        let pass = self.network.forward(&self.w, &inputs.image, &inputs.number);
        let [mut digit, mut sum] = [vec![0.0; DIGITS], vec![0.0; SUMS]];
        softmax::forward(&Softmax { batch: 1, classes: DIGITS }, &pass.values.out1, &mut digit);
        softmax::forward(&Softmax { batch: 1, classes: SUMS }, &pass.values.out2, &mut sum);
        Ok(Prediction { digit, sum })
    }

    fn parameters(&mut self) -> Result<Vec<f32>> {
        Ok(self.w.clone())
    }

    fn log_steps(&mut self, log: StepLog) {
        self.log = Some(log);
    }

    fn set_parameters(&mut self, flat: &[f32]) -> Result<()> {
        let len = self.network.sizes.flat_len();
        if flat.len() != len {
            return Err(Error::Data(format!("the network has {len} parameters, {} were given", flat.len())));
        }
        self.w = flat.to_vec();
        self.m = vec![0.0; len];
        self.v = vec![0.0; len];
        self.step = 0;
        Ok(())
    }
}

impl Tally {
    fn metrics(self) -> Metrics {
        let loss = self.loss / self.images.max(1) as f64;
        Metrics { images: self.images, loss, digits: self.digits, sums: self.sums }
    }
}

impl std::ops::Add for Tally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            images: self.images + other.images,
            loss: self.loss + other.loss,
            digits: self.digits + other.digits,
            sums: self.sums + other.sums,
        }
    }
}

fn tally(pass: &Pass<f32>, inputs: &Inputs, loss: &[f32]) -> Tally {
    Tally {
        images: pass.batch,
        loss: metrics::total_loss(loss),
        digits: metrics::right(&pass.values.out1, &inputs.digit),
        sums: metrics::right(&pass.values.out2, &inputs.sum),
    }
}

fn gather(order: &[u32], split: &Split, addends: &[u8]) -> Inputs {
    let pixels = split.images.len() / split.labels.len();
    let mut inputs = Inputs {
        image: vec![0.0; order.len() * pixels],
        number: vec![0.0; order.len() * DIGITS],
        digit: vec![0; order.len()],
        sum: vec![0; order.len()],
    };
    let source = Source { images: &split.images, labels: &split.labels, addends };
    let Inputs { image, number, digit, sum } = &mut inputs;
    gather::forward(order, source, gather::Batch { image, number, digit, sum });
    inputs
}

fn check_addends(addends: &[u8], images: usize) -> Result<()> {
    if addends.len() != images {
        return Err(Error::Usage(format!("{} addends were given for {images} images", addends.len())));
    }
    match addends.iter().find(|&&addend| usize::from(addend) >= DIGITS) {
        Some(addend) => Err(Error::Usage(format!("the addend {addend} is not 0 to 9"))),
        None => Ok(()),
    }
}
