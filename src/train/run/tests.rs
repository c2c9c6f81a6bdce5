//! The loop, on an engine that only keeps what it was given.

use super::*;
use crate::data::{Addend, AddendDraw, Addends, HeldOut, Image};
use crate::network::{Network, Sizes};
use crate::train::log::Running;
use crate::train::{Answers, HeadMetrics, Prediction, StepLog, Tally};

/// Keeps what it was given; loss and parameter are NaN from the chosen epoch on.
struct Fake {
    network: Network,
    epochs: Vec<Epoch>,
    /// The images in the order in which they were taken.
    taken: Vec<u32>,
    steps: u32,
    loss_breaks: Option<usize>,
    parameter_breaks: Option<usize>,
    moment_breaks: Option<usize>,
    test_breaks: Option<Error>,
    validation_losses: Vec<f64>,
    validated: usize,
    /// The average that it keeps, and the parameters that it was given.
    average: Option<f32>,
    given: Option<Vec<f32>>,
    validation_breaks: Option<usize>,
}

impl Default for Fake {
    fn default() -> Self {
        let network = Sizes::default().network().unwrap();
        Self {
            network,
            epochs: Vec::new(),
            taken: Vec::new(),
            steps: 0,
            loss_breaks: None,
            parameter_breaks: None,
            moment_breaks: None,
            test_breaks: None,
            validation_losses: Vec::new(),
            validated: 0,
            average: None,
            given: None,
            validation_breaks: None,
        }
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
        let mut done = 0;
        for batch in epoch.order().chunks(10) {
            let loss = if self.broken(self.loss_breaks) { f64::NAN } else { 0.1 };
            tally.add(Tally { images: batch.len(), heads: vec![(loss * f64::from(batch[0]), 3); 2] });
            done += batch.len();
            self.taken.extend(batch);
            self.steps += 1;
            if progress(done).is_break() {
                break;
            }
        }
        Ok(done)
    }

    fn evaluate(&mut self, which: HeldOut, addends: &Addends) -> Result<Metrics> {
        if which == HeldOut::Validation {
            let loss = self.validation_losses.get(self.validated).copied().unwrap_or(9.0);
            self.validated += 1;
            if self.validation_breaks == Some(self.validated) {
                return Err(Error::Device("the device was lost".into()));
            }
            return Ok(metrics(addends.numbers().len(), loss, 3));
        }
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
        let own = vec![1.0, if self.broken(self.parameter_breaks) { f32::INFINITY } else { 2.0 }];
        Ok(self.given.clone().unwrap_or(own))
    }

    fn state(&mut self) -> Result<State> {
        let mut state = State::new(self.parameters()?);
        state.step = self.steps;
        state.average = self.average.map(|average| vec![average; 2]);
        if self.broken(self.moment_breaks) {
            state.second_moments[1] = f32::INFINITY;
        }
        Ok(state)
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        self.steps = state.step;
        self.given = Some(state.parameters.clone());
        Ok(())
    }

    fn log_steps(&mut self, _: StepLog) {}

    fn log_running(&self) -> Option<Running> {
        None
    }
}

fn metrics(images: usize, loss: f64, correct: usize) -> Metrics {
    Metrics::new(images, vec![HeadMetrics { head: "digit".into(), loss, correct }])
}

#[derive(Default)]
struct Seen {
    records: Vec<EpochRecord>,
    best: Vec<u32>,
    saved: Vec<(Place, State)>,
    /// Stop when this many images have been done, over all epochs.
    stop_after: Option<usize>,
    done: usize,
}

impl Seen {
    fn epochs(&self) -> Vec<u32> {
        self.records.iter().map(|record| record.epoch).collect()
    }

    fn tested(&self) -> Vec<u32> {
        self.records.iter().filter(|record| record.test.is_some()).map(|record| record.epoch).collect()
    }
}

impl Watcher for Seen {
    fn progress(&mut self, epoch: u32, images: usize) -> ControlFlow<()> {
        self.done = (epoch as usize - 1) * 100 + images;
        match self.stop_after {
            Some(stop) if self.done >= stop => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) -> Result<()> {
        if let Some(test) = &record.test {
            assert_eq!((test.images, test.loss), (70, 0.5));
        }
        self.records.push(EpochRecord { seconds: 0.0, ..record.clone() });
        self.best.extend(best.then_some(record.epoch));
        Ok(())
    }

    fn save(&mut self, place: &Place, state: State) -> Result<()> {
        assert!(state.parameters.iter().chain(&state.second_moments).all(|p| p.is_finite()));
        self.saved.push((place.clone(), state));
        Ok(())
    }
}

fn recipe(addends: AddendDraw) -> Recipe {
    let eval_interval = Some(2);
    Recipe {
        epochs: 3,
        batch_size: 10,
        learning_rate: 0.01,
        addends,
        seed: 5,
        eval_interval,
        ..Recipe::default()
    }
}

fn job(recipe: &Recipe) -> Job<'_> {
    Job { recipe, images: 100, validation_images: 0, test_images: 70, save_every: None }
}

fn from_the_start() -> Progress {
    Progress { place: Place::start_of(1), history: History::default() }
}

fn train_all(engine: &mut Fake, recipe: &Recipe, seen: &mut Seen) -> Result<End> {
    train(engine, &job(recipe), &mut from_the_start(), seen)
}

#[test]
fn every_epoch_takes_every_image_in_a_new_order() {
    let (mut engine, mut seen) = (Fake::default(), Seen::default());
    train_all(&mut engine, &recipe(AddendDraw::Fresh), &mut seen).unwrap();
    assert_eq!((seen.epochs(), seen.tested()), (vec![1, 2, 3], vec![2]));
    assert_eq!(seen.records.iter().map(|record| record.step).collect::<Vec<_>>(), [10, 20, 30]);
    let places: Vec<u32> = seen.saved.iter().map(|(place, _)| place.epoch).collect();
    assert_eq!(places, [2, 3, 4], "a save after every epoch");
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
    train_all(&mut engine, &recipe(AddendDraw::Fixed), &mut seen).unwrap();
    assert_ne!(engine.epochs[0].order(), engine.epochs[2].order());
    assert_eq!(engine.epochs[0].addends(), engine.epochs[2].addends());
}

#[test]
fn divergence_ends_the_run_after_the_last_good_epoch() {
    let broken_loss = Fake { loss_breaks: Some(3), ..Fake::default() };
    let broken_parameter = Fake { parameter_breaks: Some(3), ..Fake::default() };
    let broken_moment = Fake { moment_breaks: Some(3), ..Fake::default() };
    for (mut engine, what) in
        [(broken_loss, "the loss"), (broken_parameter, "a parameter"), (broken_moment, "a second moment")]
    {
        let mut seen = Seen::default();
        let error = train_all(&mut engine, &recipe(AddendDraw::Fresh), &mut seen).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains(&format!("epoch 3: {what}")), "{error}");
        assert_eq!((seen.epochs(), seen.saved.len()), (vec![1, 2], 2));
    }
}

#[test]
fn an_epoch_whose_test_diverges_is_kept() {
    let mut seen = Seen::default();
    let failure = Error::Diverged("the loss is NaN".into());
    let mut engine = Fake { test_breaks: Some(failure), ..Fake::default() };
    let recipe = recipe(AddendDraw::Fresh);
    let job = Job { validation_images: 20, ..job(&recipe) };
    let error = train(&mut engine, &job, &mut from_the_start(), &mut seen).unwrap_err();
    assert_eq!((seen.epochs(), seen.tested(), seen.saved.len()), (vec![1, 2], vec![], 2));
    assert_eq!(error.exit_code(), 5);
    let cure = "epoch 2: on the test set, the loss is NaN. A learning rate";
    assert!(error.to_string().contains(cure), "{error}");
}

#[test]
fn an_epoch_whose_test_loses_the_device_is_tested_when_the_training_goes_on() {
    let recipe = recipe(AddendDraw::Fresh);
    let job = Job { validation_images: 20, ..job(&recipe) };
    let losses = vec![3.0, 2.0, 5.0, 4.0, 1.0, 6.0];
    let sound = || Fake { average: Some(7.0), validation_losses: losses.clone(), ..Fake::default() };
    let (mut whole, mut seen) = (sound(), Seen::default());
    train(&mut whole, &job, &mut from_the_start(), &mut seen).unwrap();

    let gone = || Error::Device("the device was lost".into());
    // Validation and test of epoch 2, each with the weights and with their average.
    for (test_breaks, validation_breaks) in [(Some(gone()), None), (None, Some(3)), (None, Some(4))] {
        let mut engine = Fake { test_breaks, validation_breaks, ..sound() };
        let (mut parts, mut progress) = (Seen::default(), from_the_start());
        let error = train(&mut engine, &job, &mut progress, &mut parts).unwrap_err();
        assert_eq!((error.exit_code(), parts.epochs()), (3, vec![1]));
        let (place, state) = parts.saved.last().unwrap().clone();
        assert_eq!((place.epoch, place.images, state.step), (2, 100, 20));
        assert_eq!(place, progress.place);

        let mut engine = Fake { validated: 2, epochs: engine.epochs, taken: engine.taken, ..sound() };
        engine.set_state(&state).unwrap();
        assert_eq!(train(&mut engine, &job, &mut progress, &mut parts).unwrap(), End::Complete);
        assert_eq!((engine.epochs.len(), &engine.taken), (3, &whole.taken), "nothing is trained twice");
        assert_eq!((&parts.records, &parts.best), (&seen.records, &seen.best));
    }
}

#[test]
fn it_makes_no_difference_where_a_training_is_saved_or_stopped() {
    let recipe = recipe(AddendDraw::Fresh);
    let (mut whole, mut seen) = (Fake::default(), Seen::default());
    train_all(&mut whole, &recipe, &mut seen).unwrap();
    for (save_every, stop_after) in [(Some(3), 45), (None, 1), (Some(10), 100), (None, 200), (Some(4), 289)] {
        let (mut engine, mut parts) =
            (Fake::default(), Seen { stop_after: Some(stop_after), ..Seen::default() });
        let job = Job { save_every, ..job(&recipe) };
        let mut progress = from_the_start();
        let end = train(&mut engine, &job, &mut progress, &mut parts).unwrap();
        assert_eq!(end, End::Stopped);
        let (place, state) = parts.saved.last().unwrap().clone();
        assert_eq!(place, Place { seconds: place.seconds, ..progress.place.clone() });
        let images = (place.epoch as usize - 1) * 100 + place.images;
        assert_eq!((images, state.step as usize), (stop_after.next_multiple_of(10), images / 10));

        engine.set_state(&state).unwrap();
        (parts.stop_after, progress.place) = (None, place);
        assert_eq!(train(&mut engine, &job, &mut progress, &mut parts).unwrap(), End::Complete);
        assert_eq!(engine.taken, whole.taken);
        assert_eq!(parts.records, seen.records, "the same bits, in parts of {save_every:?}");
    }
}

#[test]
fn saves_fall_on_every_nth_step_of_the_training() {
    let recipe = recipe(AddendDraw::Fresh);
    let mut seen = Seen::default();
    let job = Job { save_every: Some(7), ..job(&recipe) };
    train(&mut Fake::default(), &job, &mut from_the_start(), &mut seen).unwrap();
    let steps: Vec<u32> = seen.saved.iter().map(|(_, state)| state.step).collect();
    assert_eq!(steps, [7, 10, 14, 20, 21, 28, 30]);
}

#[test]
fn patience_ends_a_training_that_gets_no_better() {
    let recipe = Recipe { epochs: 9, patience: Some(2), ..recipe(AddendDraw::Fresh) };
    let job = Job { validation_images: 20, ..job(&recipe) };
    let (mut engine, mut seen) = (Fake::default(), Seen::default());
    engine.validation_losses = vec![3.0, 2.0, 2.0, 1.5, 1.6, 1.7, 0.1];
    let mut progress = from_the_start();
    assert_eq!(train(&mut engine, &job, &mut progress, &mut seen).unwrap(), End::OutOfPatience);
    assert_eq!((seen.epochs(), seen.best), (vec![1, 2, 3, 4, 5, 6], vec![1, 2, 4]));
    assert_eq!(progress.history.best, Some((4, 1.5)));
    let again = train(&mut engine, &job, &mut progress, &mut Seen::default()).unwrap();
    assert_eq!(again, End::OutOfPatience, "before another epoch is trained");
}

#[test]
fn the_average_is_run_too_and_chooses_the_best() {
    let recipe = Recipe { ema: Some(0.9), ..recipe(AddendDraw::Fresh) };
    let job = Job { validation_images: 20, ..job(&recipe) };
    let (mut engine, mut seen) = (Fake { average: Some(7.0), ..Fake::default() }, Seen::default());
    // Of the weights, of their average, and so on.
    engine.validation_losses = vec![5.0, 4.0, 1.0, 4.5, 6.0, 3.0];
    let mut progress = from_the_start();
    train(&mut engine, &job, &mut progress, &mut seen).unwrap();
    let losses = |of: fn(&EpochRecord) -> &Option<Metrics>| -> Vec<Option<f64>> {
        seen.records.iter().map(|record| of(record).as_ref().map(|metrics| metrics.loss)).collect()
    };
    assert_eq!(losses(|record| &record.validation), [Some(5.0), Some(1.0), Some(6.0)]);
    assert_eq!(losses(|record| &record.averaged_validation), [Some(4.0), Some(4.5), Some(3.0)]);
    assert_eq!(losses(|record| &record.averaged_test), [None, Some(0.5), None]);
    assert_eq!((seen.best, progress.history.best), (vec![1, 3], Some((3, 3.0))));
    assert_eq!((engine.given, engine.steps), (Some(vec![1.0, 2.0]), 30), "the weights are not back");
}

#[test]
fn the_weights_come_back_where_the_average_fails() {
    let recipe = Recipe { ema: Some(0.9), ..recipe(AddendDraw::Fresh) };
    let job = Job { validation_images: 20, ..job(&recipe) };
    // The second run of an epoch is that of the average.
    let mut engine = Fake { average: Some(7.0), validation_breaks: Some(2), ..Fake::default() };
    let error = train(&mut engine, &job, &mut from_the_start(), &mut Seen::default()).unwrap_err();
    assert!(error.to_string().contains("the device was lost"), "{error}");
    assert_eq!((engine.given, engine.steps), (Some(vec![1.0, 2.0]), 10));

    let mut engine = Fake { average: Some(f32::NAN), ..Fake::default() };
    let error = train(&mut engine, &job, &mut from_the_start(), &mut Seen::default()).unwrap_err();
    assert!(error.to_string().contains("an averaged parameter is NaN"), "{error}");
}

#[test]
fn test_addends_depend_on_the_seed_alone() {
    let mut engine = Fake::default();
    let mut test = |seed| evaluate(&mut engine, seed, HeldOut::Test, 1000).unwrap();
    let first = test(1);
    assert_eq!(first, test(1));
    assert_ne!(first.heads, test(2).heads);
}
