//! The loop over epochs, on any engine.

mod held_out;

use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use held_out::{evaluate, evaluate_after};

use super::{Engine, Epoch, Metrics, Place, Recipe, State};
use crate::data::{Augment, Dataset, order};
use crate::{Error, Result};

/// One line of the training log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// 1, 2, ...
    pub epoch: u32,
    /// Steps of the training after it.
    #[serde(default)]
    pub step: u32,
    /// The learning rate of the last of them.
    #[serde(default)]
    pub learning_rate: f32,
    /// The results for the training images, each with the weights of its own step.
    #[serde(flatten)]
    pub train: Metrics,
    /// Duration of the epoch.
    pub seconds: f64,
    /// The results for the held-out images after it, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Metrics>,
    /// The same with the averaged weights, where the recipe keeps an average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub averaged_validation: Option<Metrics>,
    /// The results for the test set after it, if that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Metrics>,
    /// The same with the averaged weights, where the recipe keeps an average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub averaged_test: Option<Metrics>,
}

impl EpochRecord {
    /// The results for the held-out images that count: of the averaged weights, where there are such.
    pub fn judged_validation(&self) -> Option<&Metrics> {
        self.averaged_validation.as_ref().or(self.validation.as_ref())
    }

    /// The results for the test set that count: of the averaged weights, where there are such.
    pub fn judged_test(&self) -> Option<&Metrics> {
        self.averaged_test.as_ref().or(self.test.as_ref())
    }

    /// What epochs are compared by: the loss on the held-out images, and on the training images where none
    /// are held out. The lower the better.
    pub fn merit(&self) -> f64 {
        self.judged_validation().unwrap_or(&self.train).loss
    }
}

/// What of the epochs so far decides about those to come. It does not grow with them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct History {
    /// The training loss of the first epoch.
    pub first_loss: Option<f64>,
    /// The training loss of the last epoch.
    pub last_loss: Option<f64>,
    /// The best epoch, the first of equals, and its [merit](EpochRecord::merit).
    pub best: Option<(u32, f64)>,
}

impl History {
    /// Adds an epoch, and returns whether it is the best so far.
    pub fn add(&mut self, record: &EpochRecord) -> bool {
        self.first_loss.get_or_insert(record.train.loss);
        self.last_loss = Some(record.train.loss);
        let better = self.best.is_none_or(|(_, merit)| record.merit() < merit);
        if better {
            self.best = Some((record.epoch, record.merit()));
        }
        better
    }

    /// Whether the recipe's patience is over before `epoch`.
    fn is_out_of_patience(&self, recipe: &Recipe, epoch: u32) -> bool {
        let over = |(patience, (best, _))| epoch - 1 - best >= patience;
        recipe.patience.zip(self.best).is_some_and(over)
    }
}

/// Follows a training run.
pub trait Watcher {
    /// `images` of this epoch are done. Where this says so the training stops, with a checkpoint.
    fn progress(&mut self, epoch: u32, images: usize) -> ControlFlow<()>;

    /// An epoch ended well, the `best` so far or not; if its test failed, the record has none. Its state is
    /// handed to [`Self::save`] next.
    ///
    /// # Errors
    ///
    /// An error ends the training.
    fn epoch(&mut self, record: &EpochRecord, best: bool) -> Result<()>;

    /// The training stands at this place, with this state, whose numbers are all finite: after every epoch,
    /// where the recipe's owner wants it between, and where the training is stopped.
    ///
    /// # Errors
    ///
    /// An error ends the training.
    fn save(&mut self, place: &Place, state: State) -> Result<()>;
}

/// What is trained on, and how often it is saved.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// Images of the training set.
    pub images: usize,
    /// Images of the validation set.
    pub validation_images: usize,
    /// Images of the test set.
    pub test_images: usize,
    /// Save after every so many steps too, not only after every epoch.
    pub save_every: Option<u32>,
}

impl<'a> Job<'a> {
    /// A recipe on a data set.
    pub fn new(recipe: &'a Recipe, dataset: &Dataset, save_every: Option<u32>) -> Self {
        Self {
            recipe,
            images: dataset.train.len(),
            validation_images: dataset.validation.len(),
            test_images: dataset.test.len(),
            save_every,
        }
    }

    /// Steps of an epoch.
    pub fn steps(&self) -> u32 {
        self.images.div_ceil(self.recipe.batch_size) as u32
    }

    /// Whether the test set is run after an epoch.
    fn is_tested_after(&self, epoch: u32) -> bool {
        self.recipe.eval_interval.is_some_and(|interval| epoch.is_multiple_of(interval))
    }

    /// Where the next part of an epoch ends that starts at image `from`: at the next step after which there is
    /// something to save, or with the epoch.
    fn end_of_part(&self, epoch: u32, from: usize) -> usize {
        let Some(every) = self.save_every else { return self.images };
        let step = (epoch - 1) * self.steps() + (from / self.recipe.batch_size) as u32;
        let left = (every - step % every) as usize;
        self.images.min(from + left * self.recipe.batch_size)
    }
}

/// Where a training stands, and what it has been through.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What is done.
    pub place: Place,
    /// The epochs before.
    pub history: History,
}

/// How a training ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// After all its epochs.
    Complete,
    /// The held-out images' loss had not fallen for the recipe's patience.
    OutOfPatience,
    /// The watcher stopped it.
    Stopped,
}

/// Trains `engine`, which holds the job's data set and the state that goes with `progress`, for what is left of
/// all epochs.
///
/// # Errors
///
/// [`Error::Diverged`] when the loss or a number of the state stops being finite; the watcher has then seen all
/// epochs before, and saved nothing that is not. Errors of the engine, after which what was trained before a test is
/// saved, and of the watcher.
pub fn train(
    engine: &mut dyn Engine,
    job: &Job,
    progress: &mut Progress,
    watcher: &mut dyn Watcher,
) -> Result<End> {
    while progress.place.epoch <= job.recipe.epochs {
        if progress.history.is_out_of_patience(job.recipe, progress.place.epoch) {
            return Ok(End::OutOfPatience);
        }
        let Some(state) = train_epoch(engine, job, &mut progress.place, watcher)? else {
            return Ok(End::Stopped);
        };
        let epoch = progress.place.epoch;
        let (raw, averaged) = match held_out::of_both(engine, job, epoch, &state) {
            // The epoch is trained. Its results are to be had once there is a device again.
            Err(error @ Error::Device(_)) => {
                watcher.save(&progress.place, state)?;
                return Err(error);
            }
            results => results?,
        };
        let Place { tally, seconds, log, .. } =
            std::mem::replace(&mut progress.place, Place::start_of(epoch + 1));
        progress.place.log = log;
        let record = EpochRecord {
            epoch,
            step: state.step,
            learning_rate: job.recipe.rates(job.steps()).at(state.step),
            train: tally.metrics(engine.network()),
            seconds,
            validation: raw.validation,
            averaged_validation: averaged.validation,
            test: raw.test.as_ref().ok().cloned().flatten(),
            averaged_test: averaged.test.as_ref().ok().cloned().flatten(),
        };
        let best = progress.history.add(&record);
        watcher.epoch(&record, best)?;
        watcher.save(&progress.place, state)?;
        raw.test.and(averaged.test)?;
        let all_done = epoch == job.recipe.epochs;
        if !all_done && watcher.progress(epoch + 1, 0).is_break() {
            return Ok(End::Stopped);
        }
    }
    Ok(End::Complete)
}

/// What is left of one epoch, if anything, part by part: the state after it, all of it finite, or `None` where it was
/// stopped.
fn train_epoch(
    engine: &mut dyn Engine,
    job: &Job,
    place: &mut Place,
    watcher: &mut dyn Watcher,
) -> Result<Option<State>> {
    let Job { recipe, images, .. } = *job;
    let (epoch, stream) = (place.epoch, place.epoch - 1);
    let order = order(recipe.seed, stream, images as u32);
    let addends = recipe.addends.draw(recipe.seed, stream, images);
    let key = Augment::key(recipe.seed, stream);
    loop {
        if place.images == images && images > 0 {
            return Ok(Some(engine.state()?));
        }
        let start = Instant::now();
        let from = place.images;
        let part = order[from..job.end_of_part(epoch, from)].to_vec();
        let part = Epoch::new(part, addends.clone(), recipe.rates(job.steps()))?.with_key(key);
        let mut stopped = false;
        let done = engine.train(&part, &mut place.tally, &mut |done| {
            let flow = watcher.progress(epoch, from + done);
            stopped |= flow.is_break();
            flow
        });
        let done = done.map_err(|error| match error {
            Error::Diverged(what) => diverged(recipe, epoch, &what),
            other => other,
        })?;
        let state = engine.state()?;
        place.images += done;
        place.seconds += start.elapsed().as_secs_f64();
        place.log = engine.log_running();
        check_finite(place, &state).map_err(|what| diverged(recipe, epoch, &what))?;
        if place.images == images {
            return Ok(Some(state));
        }
        watcher.save(place, state)?;
        if stopped {
            return Ok(None);
        }
    }
}

/// What is not a finite number, if anything is.
fn check_finite(place: &Place, state: &State) -> std::result::Result<(), String> {
    let loss = place.tally.loss() / place.tally.images.max(1) as f64;
    if !loss.is_finite() {
        return Err(format!("the loss is {loss}"));
    }
    let flat = [
        ("a parameter", &state.parameters),
        ("a first moment of Adam", &state.first_moments),
        ("a second moment of Adam", &state.second_moments),
    ];
    let average = state.average.as_ref().map(|average| ("an averaged parameter", average));
    for (what, flat) in flat.into_iter().chain(average) {
        if let Some(number) = flat.iter().find(|number| !number.is_finite()) {
            return Err(format!("{what} is {number}"));
        }
    }
    Ok(())
}

fn diverged(recipe: &Recipe, epoch: u32, what: &str) -> Error {
    Error::Diverged(format!(
        "training diverged in epoch {epoch}: {what}. A learning rate (--lr) below {:?} may help",
        recipe.learning_rate
    ))
}

#[cfg(test)]
mod tests;
