//! Training on the CPU, on all cores: in lanes where they know the network, and else on the reference in f32.

mod fast;
mod inputs;
mod naive;

use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::prelude::*;

use self::fast::Fast;
use self::inputs::Inputs;
use super::probabilities;
use crate::data::{Addend, Addends, Dataset, HeldOut, Image, Split};
use crate::lanes::Instructions;
use crate::lanes::augment::Change;
use crate::network::{Head, Network};
use crate::reference::augment;
use crate::train::log::Running;
use crate::train::{
    Answers, Engine, Epoch, HeadPrediction, Metrics, Prediction, Recipe, State, StepLog, Tally, check_addends,
};
use crate::{Error, Result};

/// Images between two reports of progress.
const REPORT: usize = 1024;

/// The network, its optimizer and its data, in main memory.
pub struct CpuEngine {
    network: Network,
    recipe: Recipe,
    dataset: Arc<Dataset>,
    kernels: Kernels,
    state: State,
    log: Option<StepLog>,
}

/// What computes.
enum Kernels {
    Lanes(Box<Fast>),
    Reference,
}

impl CpuEngine {
    /// An engine that starts from flat `parameters`, the optimizer at rest. It computes in lanes what the fused
    /// plan knows, and other networks on the reference.
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
        let engine = Self::reference(network, recipe, parameters, dataset)?;
        let kernels =
            Fast::new(&engine.network).map_or(Kernels::Reference, |fast| Kernels::Lanes(fast.into()));
        Ok(Self { kernels, ..engine })
    }

    /// The same, computing on the reference.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn reference(
        network: Network,
        recipe: Recipe,
        parameters: Vec<f32>,
        dataset: impl Into<Arc<Dataset>>,
    ) -> Result<Self> {
        super::check(&network, &recipe)?;
        let state = State::starting(parameters, &recipe);
        state.check(network.flat_len())?;
        let dataset = dataset.into();
        Ok(Self { network, recipe, dataset, kernels: Kernels::Reference, state, log: None })
    }

    /// One training step on some images: the mean gradient, then Adam.
    fn train_batch(&mut self, order: &[u32], epoch: &Epoch) -> Tally {
        let Self { network, recipe, dataset, kernels, state, .. } = self;
        let instructions = kernels.instructions();
        let (split, amount, key) = (&dataset.train, &recipe.augment, epoch.key());
        let inputs = |order| {
            let inputs = Inputs::new(order, split, epoch.addends().numbers());
            if amount.is_none() {
                return inputs;
            }
            inputs.changed_by(|image, n, changed| match instructions {
                Some(instructions) => instructions.run(Change { amount, key, n, image, changed }),
                None => changed.copy_from_slice(&augment::rounded(amount, image, n, key)),
            })
        };
        match kernels {
            Kernels::Lanes(fast) => fast.train(network, recipe, state, (order, epoch), inputs),
            Kernels::Reference => naive::train(network, recipe, state, (order, epoch), inputs),
        }
    }

    /// What `of` makes of each chunk of a held-out set, in order.
    fn chunks<T: Send>(
        &self,
        which: HeldOut,
        addends: &Addends,
        of: impl Fn(&Inputs) -> T + Sync,
    ) -> Result<Vec<T>> {
        let split = self.dataset.held_out(which);
        check_addends(addends, split.len())?;
        let order: Vec<u32> = (0..split.len() as u32).collect();
        let chunk = |order| of(&Inputs::new(order, split, addends.numbers()));
        Ok(order.par_chunks(self.kernels.chunk()).map(chunk).collect())
    }
}

impl Kernels {
    /// Those that the lanes use.
    fn instructions(&self) -> Option<Instructions> {
        match self {
            Self::Lanes(fast) => Some(fast.instructions()),
            Self::Reference => None,
        }
    }

    /// Images that one task evaluates.
    fn chunk(&self) -> usize {
        match self {
            Self::Lanes(_) => fast::CHUNK,
            Self::Reference => naive::CHUNK,
        }
    }

    /// The results for some images.
    fn evaluate(&self, network: &Network, recipe: &Recipe, flat: &[f32], inputs: &Inputs) -> Tally {
        match self {
            Self::Lanes(fast) => fast.evaluate(network, recipe, flat, inputs),
            Self::Reference => naive::evaluate(network, recipe, flat, inputs),
        }
    }

    /// The logits of each head for some images.
    fn logits(&self, network: &Network, flat: &[f32], inputs: &Inputs) -> Vec<Vec<f32>> {
        match self {
            Self::Lanes(fast) => fast.logits(network, flat, inputs),
            Self::Reference => naive::logits(network, flat, inputs),
        }
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
        let Self { network, recipe, state, kernels, .. } = &*self;
        let tallies = self
            .chunks(which, addends, |inputs| kernels.evaluate(network, recipe, &state.parameters, inputs))?;
        let mut total = Tally::default();
        tallies.into_iter().for_each(|tally| total.add(tally));
        let metrics = total.metrics(network);
        match metrics.loss.is_finite() {
            true => Ok(metrics),
            false => Err(Error::Diverged(format!("the loss is {}", metrics.loss))),
        }
    }

    fn answers(&mut self, which: HeldOut, addends: &Addends) -> Result<Answers> {
        let Self { network, state, kernels, .. } = &*self;
        let mut answers = Answers::none(network);
        for chunk in
            self.chunks(which, addends, |inputs| kernels.logits(network, &state.parameters, inputs))?
        {
            for ((head, logits), answers) in network.heads().iter().zip(chunk).zip(&mut answers.heads) {
                for logits in logits.chunks(head.classes) {
                    answers.add(logits, &probabilities(logits));
                }
            }
        }
        Ok(answers)
    }

    fn predict(&mut self, image: &Image, addend: Addend) -> Result<Prediction> {
        let split = Split::new(image.pixels().to_vec(), vec![0])?;
        let addends = [addend.number()];
        let inputs = Inputs::new(&[0], &split, &addends);
        let logits = self.kernels.logits(&self.network, &self.state.parameters, &inputs);
        let head = |(head, logits): (&Head, &Vec<f32>)| HeadPrediction {
            head: head.name.clone(),
            probabilities: probabilities(logits),
        };
        Ok(Prediction { heads: self.network.heads().iter().zip(&logits).map(head).collect() })
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
