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
    fn none() -> Self {
        Self { validation: None, test: Ok(None) }
    }
}

/// Runs what is to be run after an epoch, with the engine's `state` and with its average: nothing of the average where
/// there is none, or the test of the state diverges.
///
/// # Errors
///
/// As [`evaluate_after`], but where the test diverges: that is in the result, as an epoch that has ended well counts
/// even then.
pub(super) fn of_both(
    engine: &mut dyn Engine,
    job: &Job,
    epoch: u32,
    state: &State,
) -> Result<(Results, Results)> {
    let raw = after_epoch(engine, job, epoch)?;
    let averaged = match raw.test {
        Ok(_) => of_average(engine, job, epoch, state)?,
        Err(_) => Results::none(),
    };
    Ok((raw, averaged))
}

fn after_epoch(engine: &mut dyn Engine, job: &Job, epoch: u32) -> Result<Results> {
    let validation = match job.validation_images {
        0 => None,
        images => Some(evaluate_after(engine, job.recipe, epoch, HeldOut::Validation, images)?),
    };
    let test = match job.is_tested_after(epoch) {
        true => match evaluate_after(engine, job.recipe, epoch, HeldOut::Test, job.test_images) {
            Err(error @ Error::Diverged(_)) => Err(error),
            tested => Ok(Some(tested?)),
        },
        false => Ok(None),
    };
    Ok(Results { validation, test })
}

/// The same with the average. The engine has its state again afterwards, even where this fails.
fn of_average(engine: &mut dyn Engine, job: &Job, epoch: u32, state: &State) -> Result<Results> {
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
