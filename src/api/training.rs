//! One training: what it takes, what it has gone through, and whose weights are kept.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Device;
use crate::data::Dataset;
use crate::network::Network;
use crate::train::model_file::{About, Model};
use crate::train::run::{self, End, EpochRecord, History, Job, Progress, Watcher};
use crate::train::{Place, Recipe, State};
use crate::{Error, Result};

/// What a training has gone through.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Training {
    /// The results of each epoch, in order.
    pub epochs: Vec<EpochRecord>,
    /// Why it ended.
    pub end: End,
    /// The epoch, from 1, whose weights the model has: the best on the images that are held out, if any are, and else the
    /// last.
    pub kept: u32,
}

/// Keeps the epochs, and the weights of the one that counts.
struct Follower<'a> {
    each_epoch: &'a mut dyn FnMut(&EpochRecord) -> ControlFlow<()>,
    /// What it said last.
    flow: ControlFlow<()>,
    /// Whether the last epoch counts: always, where no images are held out to choose by.
    counts: bool,
    chooses: bool,
    epochs: Vec<EpochRecord>,
    kept: Option<(u32, State)>,
}

impl Watcher for Follower<'_> {
    fn progress(&mut self, _: u32, _: usize) -> ControlFlow<()> {
        self.flow
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) -> Result<()> {
        self.counts = best || !self.chooses;
        self.epochs.push(record.clone());
        self.flow = (self.each_epoch)(record);
        Ok(())
    }

    fn save(&mut self, place: &Place, state: State) -> Result<()> {
        if std::mem::take(&mut self.counts) {
            self.kept = Some((place.epoch - 1, state));
        }
        Ok(())
    }
}

/// Trains on a device from flat `parameters`, as `train` does.
///
/// # Errors
/// Those of [`Model::train`](super::Model::train).
pub(super) fn train(
    device: &Device,
    network: &Network,
    parameters: &[f32],
    (dataset, recipe): (&Dataset, &Recipe),
    each_epoch: &mut dyn FnMut(&EpochRecord) -> ControlFlow<()>,
) -> Result<(Model, Training)> {
    recipe.check_values()?;
    let recipe = Recipe { plan: recipe.plan.fitting(network), ..recipe.clone() };
    let dataset = Arc::new(prepared(dataset, &recipe)?);
    let mut engine = device.engine(network, &recipe, parameters, dataset.clone())?;
    let mut follower = Follower {
        each_epoch,
        flow: ControlFlow::Continue(()),
        counts: false,
        chooses: !dataset.validation.is_empty(),
        epochs: Vec::new(),
        kept: None,
    };
    let mut progress = Progress { place: Place::start_of(1), history: History::default() };
    let end = run::train(engine.as_mut(), &Job::new(&recipe, &dataset, None), &mut progress, &mut follower)?;
    let Follower { epochs, kept, .. } = follower;
    let (kept, state) =
        kept.ok_or_else(|| Error::Diverged("no epoch was better than another: none is kept".into()))?;
    let about = About {
        trained_epochs: Some(kept),
        averaged: state.average.is_some(),
        ..About::new(recipe, &dataset.origin, dataset.test.sha256())
    };
    let parameters = state.average.unwrap_or(state.parameters);
    Ok((Model { parameters, about: Some(about) }, Training { epochs, end, kept }))
}

/// The images that a recipe trains on and holds out.
fn prepared(dataset: &Dataset, recipe: &Recipe) -> Result<Dataset> {
    let wrong = |what: &str| Err(Error::Usage(what.into()));
    if recipe.val_split.is_some() && !dataset.validation.is_empty() {
        return wrong("the recipe's val_split holds images out, but the data set has some held out already");
    }
    let mut dataset = dataset.clone();
    dataset.hold_out(recipe.val_split, recipe.limit)?;
    match &dataset {
        Dataset { train, .. } if train.is_empty() => wrong("there are no images to train on"),
        Dataset { validation, .. } if validation.is_empty() && recipe.patience.is_some() => {
            wrong("the recipe's patience needs images that are held out: give it a val_split")
        }
        Dataset { test, .. } if test.is_empty() && recipe.eval_interval.is_some() => {
            wrong("the recipe's eval_interval needs images to test on")
        }
        _ => Ok(dataset),
    }
}
