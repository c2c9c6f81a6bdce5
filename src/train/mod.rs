//! Training: what an engine (a GPU, or the CPU) can do, and the loop over epochs.

mod answers;
pub mod checkpoint;
mod doubts;
mod epoch;
mod learning_rate;
pub mod log;
mod metrics;
pub mod model_file;
pub mod recipe;
pub mod run;
mod state;

pub use answers::{Answers, Confusion, HeadAnswers, Mistake, Said};
pub use checkpoint::{Checkpoint, Place};
pub use doubts::doubts;
pub use epoch::{Epoch, check_addends};
pub use learning_rate::{LearningRate, Schedule};
pub use log::StepLog;
pub use metrics::{HeadMetrics, HeadPrediction, Metrics, Prediction, Tally};
pub use recipe::Recipe;
pub use state::State;

use std::ops::ControlFlow;

use crate::Result;
use crate::data::{Addend, Addends, HeldOut, Image};
use crate::network::Network;
use crate::program::times::StepTimes;

/// Something that holds the network and a data set and can train the one on the other, on any thread.
pub trait Engine: Send {
    /// The network.
    fn network(&self) -> &Network;

    /// Trains on the images of an epoch, or of a part of one, and adds their results to `tally`. `progress`
    /// receives the number of images done so far, now and then; where it says so the engine stops early, after
    /// a whole step. Returns the images done. It makes no difference to any bit into which parts, each but the
    /// last of whole steps, an epoch is cut.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for an epoch of a different data set. [`crate::Error::Diverged`] of an engine
    /// that checks for it says only what is not finite; the loop over epochs adds epoch and cure, and checks
    /// the mean loss and the parameters itself.
    fn train(
        &mut self,
        epoch: &Epoch,
        tally: &mut Tally,
        progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<usize>;

    /// Trains a whole epoch.
    ///
    /// # Errors
    /// As [`Engine::train`].
    fn train_epoch(&mut self, epoch: &Epoch, progress: &mut dyn FnMut(usize)) -> Result<Metrics> {
        let mut tally = Tally::default();
        self.train(epoch, &mut tally, &mut |images| {
            progress(images);
            ControlFlow::Continue(())
        })?;
        Ok(tally.metrics(self.network()))
    }

    /// Runs a held-out set, forward only, with the given addends, one for each image.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a different number of addends, [`crate::Error::Diverged`] where the loss
    /// is not a finite number.
    fn evaluate(&mut self, which: HeldOut, addends: &Addends) -> Result<Metrics>;

    /// What the network says about each image of a held-out set, with the given addends.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a different number of addends; a device that fails.
    fn answers(&mut self, which: HeldOut, addends: &Addends) -> Result<Answers>;

    /// Runs one image.
    ///
    /// # Errors
    /// A device that fails.
    fn predict(&mut self, image: &Image, addend: Addend) -> Result<Prediction>;

    /// Reads the flat parameters back (see [`crate::network::Network::parameters`] for the places).
    ///
    /// # Errors
    /// A device that fails.
    fn parameters(&mut self) -> Result<Vec<f32>>;

    /// Reads all that the training has changed so far.
    ///
    /// # Errors
    /// A device that fails.
    fn state(&mut self) -> Result<State>;

    /// Continues from this state.
    ///
    /// # Errors
    /// [`crate::Error::Data`] for the state of another network.
    fn set_state(&mut self, state: &State) -> Result<()>;

    /// Hands the losses of all steps from now on to a log.
    fn log_steps(&mut self, log: StepLog);

    /// What that log has added up since its last line.
    fn log_running(&self) -> Option<log::Running>;

    /// Times the dispatches of a training step for about `seconds`, beside the training: nothing of the
    /// engine's own changes. An engine without dispatches has none to time.
    ///
    /// # Errors
    /// A device that fails.
    fn time_step(&mut self, _seconds: f64) -> Result<Option<StepTimes>> {
        Ok(None)
    }
}
