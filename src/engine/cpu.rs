//! Training on the CPU: the reference in f32, on all cores.

use std::sync::Arc;

use rayon::prelude::*;

use crate::data::{Addend, Addends, Dataset, Image, Split};
use crate::network::{Head, Network};
use crate::ops::adam::Adam;
use crate::ops::softmax::Softmax;
use crate::reference::gather::{self, Batch, Examples};
use crate::reference::network::{Losses, Pass, backward, forward, losses};
use crate::reference::{self, add, metrics, softmax};
use crate::train::{
    Engine, Epoch, HeadMetrics, HeadPrediction, Metrics, Prediction, Recipe, State, StepLog, check_addends,
};
use crate::{Error, Result};

/// Images that one task takes. The chunks of a batch are added up in their order, so that the result
/// is the same for any number of threads.
const CHUNK: usize = 8;
/// Images between two reports of progress.
const REPORT: usize = 1024;

/// The network, its optimizer and its data, in main memory.
pub struct CpuEngine {
    network: Network,
    recipe: Recipe,
    dataset: Arc<Dataset>,
    adam: Adam,
    state: State,
    log: Option<StepLog>,
}

/// The results for some images: for each head, the summed loss and the right answers.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tally {
    images: usize,
    heads: Vec<(f64, usize)>,
}

impl CpuEngine {
    /// An engine that starts from flat `parameters`, the optimizer at rest.
    ///
    /// # Errors
    /// [`Error::Usage`] for a batch of 0 images or a network that takes other images; [`Error::Data`] for
    /// parameters of another network.
    pub fn new(
        network: Network,
        recipe: Recipe,
        parameters: Vec<f32>,
        dataset: impl Into<Arc<Dataset>>,
    ) -> Result<Self> {
        super::check(&network, &recipe)?;
        let state = State::new(parameters);
        state.check(network.flat_len())?;
        let dataset = dataset.into();
        Ok(Self { network, recipe, dataset, adam: Adam::default(), state, log: None })
    }

    /// One training step on some images: the mean gradient, then Adam.
    fn train_batch(&mut self, order: &[u32], epoch: &Epoch) -> Tally {
        let (network, flat) = (&self.network, &self.state.parameters);
        let mut weight = vec![0.0; order.len()];
        gather::weights(order.len(), network.heads().len(), &mut weight);
        let chunks: Vec<(Vec<f32>, Tally)> = order
            .par_chunks(CHUNK)
            .map(|chunk| {
                let inputs = gather(network, chunk, &self.dataset.train, epoch.addends().numbers());
                let pass = forward(network, flat, &inputs.image, &inputs.number);
                let losses =
                    losses(network, self.recipe.loss, &pass, &inputs.targets, &weight[..chunk.len()]);
                let x = [&inputs.image[..], &inputs.number];
                let gradients = backward(network, flat, x, &pass, &losses.d_logits);
                (gradients.flat, Tally::new(network, &pass, &inputs, &losses))
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
        let State { parameters: w, first_moments: m, second_moments: v, step } = &mut self.state;
        *step += 1;
        reference::adam::step(&self.adam, f64::from(epoch.learning_rate()), *step, &dw, w, m, v);
        tally
    }
}

impl Engine for CpuEngine {
    fn train_epoch(&mut self, epoch: &Epoch, progress: &mut dyn FnMut(usize)) -> Result<Metrics> {
        check_addends(epoch.addends(), self.dataset.train.len())?;
        let order = epoch.order();
        let steps = order.len().div_ceil(self.recipe.batch_size);
        let mut total = Tally::default();
        for (index, batch) in order.chunks(self.recipe.batch_size).enumerate() {
            let tally = self.train_batch(batch, epoch);
            let loss = tally.loss();
            if !loss.is_finite() {
                return Err(Error::Diverged(format!(
                    "the loss of step {} of {steps} is {}",
                    index + 1,
                    loss / tally.images as f64,
                )));
            }
            if let Some(log) = &mut self.log {
                log.add(tally.images, loss);
            }
            let reported = total.images / REPORT;
            total = total + tally;
            if total.images / REPORT > reported || total.images == order.len() {
                progress(total.images);
            }
        }
        Ok(total.metrics(&self.network))
    }

    fn evaluate(&mut self, addends: &Addends) -> Result<Metrics> {
        let (network, test) = (&self.network, &self.dataset.test);
        check_addends(addends, test.len())?;
        let order: Vec<u32> = (0..test.len() as u32).collect();
        let chunks: Vec<Tally> = order
            .par_chunks(CHUNK)
            .map(|chunk| {
                let inputs = gather(network, chunk, test, addends.numbers());
                let pass = forward(network, &self.state.parameters, &inputs.image, &inputs.number);
                let losses =
                    losses(network, self.recipe.loss, &pass, &inputs.targets, &vec![0.0; chunk.len()]);
                Tally::new(network, &pass, &inputs, &losses)
            })
            .collect();
        let total = chunks.into_iter().fold(Tally::default(), |total, tally| total + tally);
        let metrics = total.metrics(network);
        match metrics.loss.is_finite() {
            true => Ok(metrics),
            false => Err(Error::Diverged(format!("the loss is {}", metrics.loss))),
        }
    }

    fn predict(&mut self, image: &Image, addend: Addend) -> Result<Prediction> {
        let examples = Examples { images: image.pixels(), labels: &[0], addends: &[addend.number()] };
        let inputs: Batch<f32> = gather::forward(&[0], 1, examples, &[]);
        let pass = forward(&self.network, &self.state.parameters, &inputs.image, &inputs.number);
        let head = |head: &Head| {
            let mut probabilities = vec![0.0; head.classes];
            let shape = Softmax { batch: 1, classes: head.classes };
            softmax::forward(&shape, &pass.values[head.logits], &mut probabilities);
            HeadPrediction { head: head.name.clone(), probabilities }
        };
        Ok(Prediction { heads: self.network.heads().iter().map(head).collect() })
    }

    fn parameters(&mut self) -> Result<Vec<f32>> {
        Ok(self.state.parameters.clone())
    }

    fn state(&mut self) -> Result<State> {
        Ok(self.state.clone())
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        state.check(self.network.flat_len())?;
        self.state = state.clone();
        Ok(())
    }

    fn log_steps(&mut self, log: StepLog) {
        self.log = Some(log);
    }
}

impl Tally {
    fn new(network: &Network, pass: &Pass<f32>, inputs: &Batch<f32>, losses: &Losses<f32>) -> Self {
        let heads = network.heads().iter().zip(&losses.of_heads).zip(&inputs.targets);
        let judge = |((head, loss), target): ((&Head, &Vec<f32>), &Vec<u32>)| {
            (metrics::total_loss(loss), metrics::correct(&pass.values[head.logits], target))
        };
        Self { images: pass.batch, heads: heads.map(judge).collect() }
    }

    /// The losses of all images, each the mean over the heads, summed.
    fn loss(&self) -> f64 {
        self.heads.iter().map(|(loss, _)| loss).sum::<f64>() / self.heads.len().max(1) as f64
    }

    fn metrics(self, network: &Network) -> Metrics {
        let images = self.images.max(1) as f64;
        let heads = network.heads().iter().zip(self.heads).map(|(head, (loss, correct))| HeadMetrics {
            head: head.name.clone(),
            loss: loss / images,
            correct,
        });
        Metrics::new(self.images, heads.collect())
    }
}

impl std::ops::Add for Tally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        if self.heads.is_empty() {
            return other;
        }
        let heads = self.heads.iter().zip(&other.heads);
        let heads = heads.map(|((loss, correct), (more, others))| (loss + more, correct + others)).collect();
        Self { images: self.images + other.images, heads }
    }
}

fn gather(network: &Network, order: &[u32], split: &Split, addends: &[u8]) -> Batch<f32> {
    let examples = Examples { images: split.images(), labels: split.labels(), addends };
    gather::forward(order, order.len(), examples, network.heads())
}
