//! Passes over the held-out images and the test set, with the weights and with their average.

use super::{Job, diverged};
use crate::data::{HeldOut, held_out_addends};
use crate::train::{Engine, Metrics, Recipe, State};
use crate::{Error, Result};

/// What some weights are worth after an epoch.
pub(super) struct Results {
    /// On the held-out images, if there are any.
    pub validation: Option<Metrics>,
    /// On the test set, if it is the epoch's turn.
    pub test: Result<Option<Metrics>>,
}

impl Results {
    /// Nothing was run.
    pub(super) fn none() -> Self {
        Self { validation: None, test: Ok(None) }
    }
}

/// Runs what is to be run after an epoch.
///
/// # Errors
///
/// As [`evaluate_after`] on the held-out images; that on the test set is in the result, as an epoch that has ended
/// well counts even if its test fails.
pub(super) fn after_epoch(engine: &mut dyn Engine, job: &Job, epoch: u32) -> Result<Results> {
    let validation = match job.validation_images {
        0 => None,
        images => Some(evaluate_after(engine, job.recipe, epoch, HeldOut::Validation, images)?),
    };
    let test = match job.is_tested_after(epoch) {
        true => evaluate_after(engine, job.recipe, epoch, HeldOut::Test, job.test_images).map(Some),
        false => Ok(None),
    };
    Ok(Results { validation, test })
}

/// The same with the average of the engine's `state` for its parameters: nothing where it has none.
///
/// # Errors
///
/// As [`after_epoch`]. The engine has its state again then, too.
pub(super) fn of_average(engine: &mut dyn Engine, job: &Job, epoch: u32, state: &State) -> Result<Results> {
    let is_due = job.validation_images > 0 || job.is_tested_after(epoch);
    let Some(average) = state.average.as_ref().filter(|_| is_due) else {
        return Ok(Results::none());
    };
    engine.set_state(&State { parameters: average.clone(), ..state.clone() })?;
    let results = after_epoch(engine, job, epoch);
    engine.set_state(state)?;
    let Results { validation, test } = results.map_err(of_averaged)?;
    Ok(Results { validation, test: test.map_err(of_averaged) })
}

fn of_averaged(error: Error) -> Error {
    match error {
        Error::Diverged(what) => Error::Diverged(format!("with the averaged weights, {what}")),
        other => other,
    }
}

/// [`evaluate`] after an epoch of a recipe.
///
/// # Errors
///
/// [`Error::Diverged`] with epoch and cure when the loss is not a finite number. Errors of the engine.
pub fn evaluate_after(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    epoch: u32,
    which: HeldOut,
    images: usize,
) -> Result<Metrics> {
    evaluate(engine, recipe.seed, which, images).map_err(|error| match error {
        Error::Diverged(what) => {
            let set = if which == HeldOut::Test { "test" } else { "validation" };
            diverged(recipe, epoch, &format!("on the {set} set, {what}"))
        }
        other => other,
    })
}

/// Runs a held-out set of `images` images with addends drawn from `seed`: one seed, one result.
///
/// # Errors
///
/// Errors of the engine.
pub fn evaluate(engine: &mut dyn Engine, seed: u64, which: HeldOut, images: usize) -> Result<Metrics> {
    engine.evaluate(which, &held_out_addends(seed, which, images))
}
