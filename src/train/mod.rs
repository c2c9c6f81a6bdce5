//! Training: what an engine (a GPU, or the CPU reference) can do, and the loop over epochs.

pub mod log;
pub mod run;

pub use log::StepLog;

use serde::{Deserialize, Serialize};

use crate::gpu::timing::Times;
use crate::program::Program;
use crate::{Result, plans};

/// Which loss is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Cross-entropy on the logits of both heads, averaged.
    #[default]
    Logits,
    /// Softmax in the network, then a cross-entropy that applies log-softmax again: the published
    /// run's mistake, kept to reproduce its curve.
    DoubleSoftmax,
}

/// Hyperparameters that an engine is built for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Images of a training step; the last step of an epoch takes what is left.
    pub batch: usize,
    /// The loss.
    pub loss: Loss,
    /// How a GPU cuts the network into dispatches; the CPU reference has no choice.
    pub plan: plans::Kind,
}

/// What one epoch trains on.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// Training images in the order they are taken, each at most once.
    pub order: Vec<u32>,
    /// The addend of every training image, by image and not by order.
    pub addends: Vec<u8>,
    /// Adam's learning rate.
    pub learning_rate: f32,
}

/// What came of a pass over images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Images seen.
    pub images: usize,
    /// Mean loss per image.
    pub loss: f64,
    /// Images whose digit was right.
    pub digits: usize,
    /// Images whose sum was right.
    pub sums: usize,
}

/// What the network says of one image and addend.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Probabilities of the 10 digits.
    pub digit: Vec<f32>,
    /// Probabilities of the 19 sums.
    pub sum: Vec<f32>,
}

/// A training step's program, and how long its dispatches take.
#[derive(Clone, Debug)]
pub struct StepTimes {
    /// The program.
    pub program: Program,
    /// The times.
    pub times: Times,
}

/// Something that holds the network and a data set and can train the one on the other.
pub trait Engine {
    /// Trains one epoch. `progress` is told the number of images done so far, now and then.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Diverged`] of an engine that looks for it says only what is not finite; the
    /// loop over epochs adds epoch and cure, and looks at the mean loss and the parameters itself.
    fn train_epoch(&mut self, epoch: &Epoch, progress: &mut dyn FnMut(usize)) -> Result<Metrics>;

    /// Runs the test set, forward only, with the given addends (one an image).
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] where the loss is not a finite number.
    fn evaluate(&mut self, addends: &[u8]) -> Result<Metrics>;

    /// Runs one image of 28 x 28 grey values.
    fn predict(&mut self, image: &[u8], addend: u8) -> Result<Prediction>;

    /// Reads the flat parameters back (see [`crate::network::Sizes::parameters`] for the places).
    fn parameters(&mut self) -> Result<Vec<f32>>;

    /// Hands the losses of all steps from now on to a log.
    fn log_steps(&mut self, log: StepLog);

    /// Replaces the flat parameters and forgets the optimizer's state.
    fn set_parameters(&mut self, flat: &[f32]) -> Result<()>;

    /// Times the dispatches of a training step for about `seconds`, beside the training: nothing of the
    /// engine's own changes. An engine without dispatches has none to time.
    fn time_step(&mut self, _seconds: f64) -> Result<Option<StepTimes>> {
        Ok(None)
    }
}
