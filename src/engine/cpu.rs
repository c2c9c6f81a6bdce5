//! Training on the CPU: the reference in f32, on all cores.

use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::prelude::*;

use super::probabilities;
use crate::data::{Addend, Addends, Augment, Dataset, HeldOut, Image, PIXELS, Split};
use crate::network::{Head, Network};
use crate::ops::adam::Adam;
use crate::reference::gather::{self, Batch, Examples};
use crate::reference::network::{Losses, Pass, backward, forward, losses};
use crate::reference::{self, add, metrics};
use crate::train::log::Running;
use crate::train::{
    Answers, Engine, Epoch, HeadPrediction, Metrics, Prediction, Recipe, State, StepLog, Tally, check_addends,
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
        let state = State::starting(parameters, &recipe);
        state.check(network.flat_len())?;
        let dataset = dataset.into();
        Ok(Self { network, adam: recipe.adam(), recipe, dataset, state, log: None })
    }

    /// One training step on some images: the mean gradient, then Adam.
    fn train_batch(&mut self, order: &[u32], epoch: &Epoch) -> Tally {
        let (network, flat) = (&self.network, &self.state.parameters);
        let mut weight = vec![0.0; order.len()];
        gather::weights(order.len(), network.heads().len(), &mut weight);
        let chunks: Vec<(Vec<f32>, Tally)> = order
            .par_chunks(CHUNK)
            .map(|chunk| {
                let inputs = gather_changed(network, chunk, &self.dataset.train, &self.recipe.augment, epoch);
                let pass = forward(network, flat, &inputs.image, &inputs.number);
                let losses =
                    losses(network, self.recipe.loss(), &pass, &inputs.targets, &weight[..chunk.len()]);
                let x = [&inputs.image[..], &inputs.number];
                let gradients = backward(network, flat, x, &pass, &losses.d_logits);
                (gradients.flat, judge(network, &pass, &inputs, &losses))
            })
            .collect();
        let (dw, tally) = chunks
            .into_iter()
            .reduce(|(left, mut total), (right, tally)| {
                let mut sum = vec![0.0; left.len()];
                add::forward(&left, &right, &mut sum);
                total.add(tally);
                (sum, total)
            })
            .unwrap_or_default();
        let State { parameters: w, first_moments: m, second_moments: v, average, step } = &mut self.state;
        *step += 1;
        let rate = f64::from(epoch.learning_rate().at(*step));
        reference::adam::step(&self.adam, rate, *step, &dw, w, m, v);
        if let Some(average) = average {
            reference::adam::average(&self.adam, *step, w, average);
        }
        tally
    }
}

impl CpuEngine {
    /// What `of` makes of each chunk of a held-out set, in order.
    fn passes<T: Send>(
        &self,
        which: HeldOut,
        addends: &Addends,
        of: impl Fn(&Batch<f32>, &Pass<f32>) -> T + Sync,
    ) -> Result<Vec<T>> {
        let Self { network, state, .. } = self;
        let split = self.dataset.held_out(which);
        check_addends(addends, split.len())?;
        let order: Vec<u32> = (0..split.len() as u32).collect();
        let chunk = |chunk: &[u32]| {
            let inputs = gather(network, chunk, split, addends.numbers());
            let pass = forward(network, &state.parameters, &inputs.image, &inputs.number);
            of(&inputs, &pass)
        };
        Ok(order.par_chunks(CHUNK).map(chunk).collect())
    }
}

impl Engine for CpuEngine {
    fn network(&self) -> &Network {
        &self.network
    }

    fn train(
        &mut self,
        epoch: &Epoch,
        total: &mut Tally,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<usize> {
        check_addends(epoch.addends(), self.dataset.train.len())?;
        let order = epoch.order();
        let mut done = 0;
        for batch in order.chunks(self.recipe.batch_size) {
            let tally = self.train_batch(batch, epoch);
            let loss = tally.loss();
            if !loss.is_finite() {
                let (step, mean) = (self.state.step, loss / tally.images as f64);
                return Err(Error::Diverged(format!("the loss of step {step} is {mean}")));
            }
            if let Some(log) = &mut self.log {
                log.add(tally.images, loss);
            }
            total.add(tally);
            let reported = done / REPORT;
            done += batch.len();
            if (done / REPORT > reported || done == order.len()) && progress(done).is_break() {
                break;
            }
        }
        Ok(done)
    }

    fn evaluate(&mut self, which: HeldOut, addends: &Addends) -> Result<Metrics> {
        let (network, loss) = (&self.network, self.recipe.loss());
        let tallies = self.passes(which, addends, |inputs, pass| {
            let weight = vec![0.0; pass.batch];
            let losses = losses(network, loss, pass, &inputs.targets, &weight);
            judge(network, pass, inputs, &losses)
        })?;
        let mut total = Tally::default();
        tallies.into_iter().for_each(|tally| total.add(tally));
        let metrics = total.metrics(network);
        match metrics.loss.is_finite() {
            true => Ok(metrics),
            false => Err(Error::Diverged(format!("the loss is {}", metrics.loss))),
        }
    }

    fn answers(&mut self, which: HeldOut, addends: &Addends) -> Result<Answers> {
        let network = &self.network;
        let mut answers = Answers::none(network);
        let of_heads = |pass: &Pass<f32>| -> Vec<Vec<f32>> {
            network.heads().iter().map(|head| pass.values[head.logits].clone()).collect()
        };
        for chunk in self.passes(which, addends, |_, pass| of_heads(pass))? {
            for ((head, logits), answers) in network.heads().iter().zip(chunk).zip(&mut answers.heads) {
                for logits in logits.chunks(head.classes) {
                    answers.add(logits, &probabilities(logits));
                }
            }
        }
        Ok(answers)
    }

    fn predict(&mut self, image: &Image, addend: Addend) -> Result<Prediction> {
        let examples = Examples { images: image.pixels(), labels: &[0], addends: &[addend.number()] };
        let inputs: Batch<f32> = gather::forward(&[0], 1, examples, &[]);
        let pass = forward(&self.network, &self.state.parameters, &inputs.image, &inputs.number);
        let head = |head: &Head| HeadPrediction {
            head: head.name.clone(),
            probabilities: probabilities(&pass.values[head.logits]),
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
        self.state = State { average: state.average_for(&self.recipe).cloned(), ..state.clone() };
        Ok(())
    }

    fn log_steps(&mut self, log: StepLog) {
        self.log = Some(log);
    }

    fn log_running(&self) -> Option<Running> {
        self.log.as_ref().map(StepLog::running)
    }
}

/// The results for the images of a pass.
fn judge(network: &Network, pass: &Pass<f32>, inputs: &Batch<f32>, losses: &Losses<f32>) -> Tally {
    let heads = network.heads().iter().zip(&losses.of_heads).zip(&inputs.targets);
    let judge = |((head, loss), target): ((&Head, &Vec<f32>), &Vec<u32>)| {
        (metrics::total_loss(loss), metrics::correct(&pass.values[head.logits], target))
    };
    Tally { images: pass.batch, heads: heads.map(judge).collect() }
}

/// Some training images, changed at random where `augment` says so.
fn gather_changed(
    network: &Network,
    order: &[u32],
    split: &Split,
    augment: &Augment,
    epoch: &Epoch,
) -> Batch<f32> {
    let addends = epoch.addends().numbers();
    if augment.is_none() {
        return gather(network, order, split, addends);
    }
    let pick = |bytes: &[u8]| order.iter().map(|&n| bytes[n as usize]).collect::<Vec<u8>>();
    let changed = |&n: &u32| {
        let image = &split.images()[n as usize * PIXELS..][..PIXELS];
        reference::augment::rounded(augment, image, n, epoch.key())
    };
    let images: Vec<u8> = order.iter().flat_map(changed).collect();
    let (labels, addends) = (pick(split.labels()), pick(addends));
    let examples = Examples { images: &images, labels: &labels, addends: &addends };
    let places: Vec<u32> = (0..order.len() as u32).collect();
    gather::forward(&places, places.len(), examples, network.heads())
}

fn gather(network: &Network, order: &[u32], split: &Split, addends: &[u8]) -> Batch<f32> {
    let examples = Examples { images: split.images(), labels: split.labels(), addends };
    gather::forward(order, order.len(), examples, network.heads())
}
