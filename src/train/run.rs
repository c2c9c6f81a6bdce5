//! The loop over epochs, on any engine.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{Engine, Epoch, Metrics, Recipe};
use crate::data::{HeldOut, held_out_addends, order};
use crate::{Error, Result};

/// One line of the training log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The results for the test set after it, if that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Metrics>,
}

/// Follows a training run.
pub trait Watcher {
    /// `images` of this epoch are done.
    fn progress(&mut self, epoch: u32, images: usize);

    /// An epoch ended well with these flat parameters, all of them finite; if its test failed, the record has
    /// none.
    ///
    /// # Errors
    ///
    /// An error ends the training.
    fn epoch(&mut self, record: &EpochRecord, parameters: Vec<f32>) -> Result<()>;
}

/// Trains `engine`, which holds this many training and test images, for all epochs of a recipe.
///
/// # Errors
///
/// [`Error::Diverged`] when the loss or a parameter stops being a finite number; the watcher has
/// then seen all epochs before. Errors of the engine and of the watcher.
pub fn train(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    [images, test_images]: [usize; 2],
    watcher: &mut dyn Watcher,
) -> Result<()> {
    for epoch in 1..=recipe.epochs {
        let start = Instant::now();
        let progress = &mut |images| watcher.progress(epoch, images);
        let trained = train_epoch(engine, recipe, epoch, images, progress);
        let seconds = start.elapsed().as_secs_f64();
        let (train, parameters) = trained?;
        // An epoch that has ended well counts, even if its test fails.
        let tested = match recipe.eval_interval {
            Some(interval) if epoch.is_multiple_of(interval) => {
                test_after(engine, recipe, epoch, test_images).map(Some)
            }
            _ => Ok(None),
        };
        let test = tested.as_ref().ok().cloned().flatten();
        let (step, learning_rate) = (epoch, recipe.learning_rate);
        watcher.epoch(
            &EpochRecord { epoch, step, learning_rate, train, seconds, validation: None, test },
            parameters,
        )?;
        tested?;
    }
    Ok(())
}

/// One epoch, counted from 1: its results, and the parameters after it, all of them finite.
fn train_epoch(
    engine: &mut dyn Engine,
    recipe: &Recipe,
    epoch: u32,
    images: usize,
    progress: &mut dyn FnMut(usize),
) -> Result<(Metrics, Vec<f32>)> {
    let stream = epoch - 1;
    let order = order(recipe.seed, stream, images as u32);
    let addends = recipe.addends.draw(recipe.seed, stream, images);
    let diverged = |what: String| diverged(recipe, epoch, &what);
    let metrics = engine.train_epoch(&Epoch::new(order, addends, recipe.learning_rate)?, progress).map_err(
        |error| match error {
            Error::Diverged(what) => diverged(what),
            other => other,
        },
    )?;
    let parameters = engine.parameters()?;
    if !metrics.loss.is_finite() {
        return Err(diverged(format!("the loss is {}", metrics.loss)));
    }
    match parameters.iter().find(|parameter| !parameter.is_finite()) {
        Some(parameter) => Err(diverged(format!("a parameter is {parameter}"))),
        None => Ok((metrics, parameters)),
    }
}

/// [`test()`] after an epoch of a recipe.
///
/// # Errors
///
/// [`Error::Diverged`] with epoch and cure when the loss is not a finite number. Errors of the engine.
pub fn test_after(engine: &mut dyn Engine, recipe: &Recipe, epoch: u32, images: usize) -> Result<Metrics> {
    test(engine, recipe.seed, images).map_err(|error| match error {
        Error::Diverged(what) => diverged(recipe, epoch, &format!("on the test set, {what}")),
        other => other,
    })
}

fn diverged(recipe: &Recipe, epoch: u32, what: &str) -> Error {
    Error::Diverged(format!(
        "training diverged in epoch {epoch}: {what}. A learning rate (--lr) below {:?} may help",
        recipe.learning_rate
    ))
}

/// Runs the test set of `images` images with addends drawn from `seed`: one seed, one result.
///
/// # Errors
///
/// Errors of the engine.
pub fn test(engine: &mut dyn Engine, seed: u64, images: usize) -> Result<Metrics> {
    engine.evaluate(HeldOut::Test, &held_out_addends(seed, HeldOut::Test, images))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;

    use crate::data::{Addend, AddendDraw, Addends, Image};
    use crate::network::{Network, Sizes};
    use crate::train::{Answers, HeadMetrics, Prediction, State, StepLog, Tally};

    /// Keeps what it was given; loss and parameter are NaN from the chosen epoch on.
    struct Fake {
        network: Network,
        epochs: Vec<Epoch>,
        loss_breaks: Option<usize>,
        parameter_breaks: Option<usize>,
        test_breaks: Option<Error>,
    }

    impl Default for Fake {
        fn default() -> Self {
            let network = Sizes::default().network().unwrap();
            Self { network, epochs: Vec::new(), loss_breaks: None, parameter_breaks: None, test_breaks: None }
        }
    }

    impl Fake {
        fn broken(&self, at: Option<usize>) -> bool {
            at.is_some_and(|at| self.epochs.len() >= at)
        }
    }

    impl Engine for Fake {
        fn network(&self) -> &Network {
            &self.network
        }

        fn train(
            &mut self,
            epoch: &Epoch,
            tally: &mut Tally,
            progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
        ) -> Result<usize> {
            self.epochs.push(epoch.clone());
            let images = epoch.order().len();
            let _ = progress(images);
            let loss = if self.broken(self.loss_breaks) { f64::NAN } else { 0.5 };
            tally.add(Tally { images, heads: vec![(loss * images as f64, 3); 2] });
            Ok(images)
        }

        fn evaluate(&mut self, _: HeldOut, addends: &Addends) -> Result<Metrics> {
            if let Some(error) = self.test_breaks.take() {
                return Err(error);
            }
            let sum = addends.numbers().iter().map(|&a| usize::from(a)).sum();
            Ok(metrics(addends.numbers().len(), 0.5, sum))
        }

        fn answers(&mut self, _: HeldOut, _: &Addends) -> Result<Answers> {
            Ok(Answers::none(&self.network))
        }

        fn predict(&mut self, _: &Image, _: Addend) -> Result<Prediction> {
            Ok(Prediction { heads: Vec::new() })
        }

        fn parameters(&mut self) -> Result<Vec<f32>> {
            Ok(vec![1.0, if self.broken(self.parameter_breaks) { f32::INFINITY } else { 2.0 }])
        }

        fn state(&mut self) -> Result<State> {
            Ok(State::new(self.parameters()?))
        }

        fn set_state(&mut self, _: &State) -> Result<()> {
            Ok(())
        }

        fn log_steps(&mut self, _: StepLog) {}
    }

    fn metrics(images: usize, loss: f64, correct: usize) -> Metrics {
        Metrics::new(images, vec![HeadMetrics { head: "digit".into(), loss, correct }])
    }

    #[derive(Default)]
    struct Seen {
        epochs: Vec<u32>,
        tested: Vec<u32>,
        progress: Vec<(u32, usize)>,
    }

    impl Watcher for Seen {
        fn progress(&mut self, epoch: u32, images: usize) {
            self.progress.push((epoch, images));
        }

        fn epoch(&mut self, record: &EpochRecord, parameters: Vec<f32>) -> Result<()> {
            assert!(parameters.iter().all(|p| p.is_finite()));
            self.epochs.push(record.epoch);
            if let Some(test) = &record.test {
                assert_eq!((test.images, test.loss), (70, 0.5));
                self.tested.push(record.epoch);
            }
            Ok(())
        }
    }

    fn recipe(addends: AddendDraw) -> Recipe {
        let eval_interval = Some(2);
        Recipe { epochs: 3, learning_rate: 0.01, addends, seed: 5, eval_interval, ..Recipe::default() }
    }

    #[test]
    fn every_epoch_takes_every_image_in_a_new_order() {
        let (mut engine, mut seen) = (Fake::default(), Seen::default());
        train(&mut engine, &recipe(AddendDraw::Fresh), [100, 70], &mut seen).unwrap();
        assert_eq!((seen.epochs, seen.tested), (vec![1, 2, 3], vec![2]));
        assert_eq!(seen.progress, [(1, 100), (2, 100), (3, 100)]);
        for epoch in &engine.epochs {
            let mut order = epoch.order().to_vec();
            order.sort_unstable();
            assert!(order.iter().copied().eq(0..100));
        }
        assert_ne!(engine.epochs[0].order(), engine.epochs[1].order());
        assert_ne!(engine.epochs[0].addends(), engine.epochs[1].addends());
    }

    #[test]
    fn fixed_addends_stay() {
        let (mut engine, mut seen) = (Fake::default(), Seen::default());
        train(&mut engine, &recipe(AddendDraw::Fixed), [100, 70], &mut seen).unwrap();
        assert_ne!(engine.epochs[0].order(), engine.epochs[2].order());
        assert_eq!(engine.epochs[0].addends(), engine.epochs[2].addends());
    }

    #[test]
    fn divergence_ends_the_run_after_the_last_good_epoch() {
        let broken_loss = Fake { loss_breaks: Some(3), ..Fake::default() };
        let broken_parameter = Fake { parameter_breaks: Some(3), ..Fake::default() };
        for (mut engine, what) in [(broken_loss, "the loss"), (broken_parameter, "a parameter")] {
            let mut seen = Seen::default();
            let error = train(&mut engine, &recipe(AddendDraw::Fresh), [100, 70], &mut seen).unwrap_err();
            assert_eq!(error.exit_code(), 5);
            assert!(error.to_string().contains(&format!("epoch 3: {what}")), "{error}");
            assert_eq!(seen.epochs, [1, 2]);
        }
    }

    #[test]
    fn an_epoch_whose_test_fails_is_kept() {
        let diverged = (Error::Diverged("the loss is NaN".into()), 5);
        let lost = (Error::Device("the device was lost".into()), 3);
        for (failure, code) in [diverged, lost] {
            let mut seen = Seen::default();
            let mut engine = Fake { test_breaks: Some(failure), ..Fake::default() };
            let error = train(&mut engine, &recipe(AddendDraw::Fresh), [100, 70], &mut seen).unwrap_err();
            assert_eq!((seen.epochs, seen.tested), (vec![1, 2], vec![]));
            assert_eq!(error.exit_code(), code);
            let cure =
                error.to_string().contains("epoch 2: on the test set, the loss is NaN. A learning rate");
            assert_eq!(cure, code == 5, "{error}");
        }
    }

    #[test]
    fn test_addends_depend_on_the_seed_alone() {
        let mut engine = Fake::default();
        let first = test(&mut engine, 1, 1000).unwrap();
        assert_eq!(first, test(&mut engine, 1, 1000).unwrap());
        assert_ne!(first.heads, test(&mut engine, 2, 1000).unwrap().heads);
    }
}
