//! A training that is saved, stopped and continued on another engine of its kind gives the bits of one that is not.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;

use digit_adder::data::{Augment, Dataset, PIXELS, Split, draw};
use digit_adder::engine::cpu::CpuEngine;
use digit_adder::engine::gpu::GpuEngine;
use digit_adder::gpu::Gpu;
use digit_adder::network::{Network, Sizes};
use digit_adder::plans::Kind;
use digit_adder::random::{Purpose, Random};
use digit_adder::train::log::Running;
use digit_adder::train::run::{End, EpochRecord, History, Job, Progress, Watcher, train};
use digit_adder::train::{Checkpoint, Engine, Place, Recipe, State, StepLog, model_file::About};

mod common;
use common::gpu::{conclude, kernels, trial};

const EPOCHS: u32 = 3;
const BATCH: usize = 16;
/// The last step of an epoch has a part of a batch.
const IMAGES: usize = 5 * BATCH + 3;

fn network() -> Network {
    Sizes::default().network().unwrap()
}

fn split(images: usize, stream: u32) -> Split {
    let mut random = Random::new(7, Purpose::Test, stream);
    let labels: Vec<u8> = (0..images).map(|_| random.below(10) as u8).collect();
    let pixels: Vec<u8> = labels.iter().flat_map(|&label| draw(label, &mut random)).collect();
    assert_eq!(pixels.len(), images * PIXELS);
    Split::new(pixels, labels).unwrap()
}

fn dataset() -> Dataset {
    let (train, validation, test) = (split(IMAGES, 0), split(30, 1), split(21, 2));
    Dataset { origin: "drawn".into(), train, validation, test }
}

fn recipe(plan: Kind, ema: Option<f32>) -> Recipe {
    // Changed images with the average, plain ones without.
    let augment = if ema.is_some() { Augment::FULL } else { Augment::NONE };
    let all = Recipe { epochs: EPOCHS, batch_size: BATCH, plan, ema, augment, ..Recipe::default() };
    Recipe { eval_interval: Some(2), ..all }
}

type Made = Result<Box<dyn Engine>, String>;

fn on_device(gpu: &Arc<Gpu>, recipe: &Recipe) -> Made {
    let (data, parameters) = (dataset(), network().initial_parameters(1));
    let made = GpuEngine::new(gpu.clone(), kernels(false), network(), recipe.clone(), parameters, &data);
    Ok(Box::new(made.map_err(|error| error.to_string())?))
}

fn on_cpu(recipe: &Recipe) -> Made {
    let parameters = network().initial_parameters(1);
    let made = CpuEngine::new(network(), recipe.clone(), parameters, dataset());
    Ok(Box::new(made.map_err(|error| error.to_string())?))
}

/// Keeps all that it is told, and stops once.
#[derive(Default)]
struct Seen {
    records: Vec<EpochRecord>,
    saved: Vec<(Place, State)>,
    /// The call of `progress` that stops.
    stop_at: Option<usize>,
    calls: usize,
}

impl Watcher for Seen {
    fn progress(&mut self, _: u32, _: usize) -> ControlFlow<()> {
        self.calls += 1;
        if self.stop_at == Some(self.calls) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn epoch(&mut self, record: &EpochRecord, _: bool) -> digit_adder::Result<()> {
        self.records.push(EpochRecord { seconds: 0.0, ..record.clone() });
        Ok(())
    }

    fn save(&mut self, place: &Place, state: State) -> digit_adder::Result<()> {
        self.saved.push((Place { seconds: 0.0, ..place.clone() }, state));
        Ok(())
    }
}

/// Trains from a place with a log of every second step, and returns how it ended.
fn run(
    mut engine: Box<dyn Engine>,
    recipe: &Recipe,
    save_every: Option<u32>,
    (place, state): (Place, Option<State>),
    seen: &mut Seen,
) -> Result<End, String> {
    let running = place.log.unwrap_or_default();
    engine.log_steps(StepLog::new(2, running, |_| {}));
    if let Some(state) = &state {
        engine.set_state(state).map_err(|error| error.to_string())?;
    }
    let data = dataset();
    let job = Job::new(recipe, &data, save_every);
    let mut progress = Progress { place, history: History::default() };
    train(engine.as_mut(), &job, &mut progress, seen).map_err(|error| error.to_string())
}

/// Through a file and back.
fn restored(recipe: &Recipe, (place, state): (Place, State)) -> (Place, State) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let about = About {
        version: "0".into(),
        recipe: recipe.clone(),
        trained_epochs: None,
        dataset: "drawn".into(),
        test_sha256: None,
        averaged: false,
    };
    Checkpoint { state, about, place }.save(&path, &network()).unwrap();
    let Checkpoint { state, place, .. } = Checkpoint::load(&path, &network()).unwrap();
    (place, state)
}

fn goes_on_from_any_step(make: impl Fn(&Recipe) -> Made, recipe: &Recipe) -> Result<(), String> {
    let start = || (Place::start_of(1), None);
    let mut whole = Seen::default();
    assert_eq!(run(make(recipe)?, recipe, None, start(), &mut whole)?, End::Complete);
    let end = whole.saved.last().unwrap().clone();
    assert_eq!((end.1.step, whole.records.len()), (18, 3));
    let (averaged, tested) = (recipe.ema.is_some(), |record: &EpochRecord| record.averaged_test.is_some());
    assert_eq!(end.1.average.is_some(), averaged);
    assert!(whole.records.iter().all(|record| record.averaged_validation.is_some() == averaged));
    assert_eq!(whole.records.iter().map(tested).collect::<Vec<_>>(), [false, averaged, false]);

    // Saved after every step, it comes to the same, ...
    let mut all = Seen::default();
    run(make(recipe)?, recipe, Some(1), start(), &mut all)?;
    assert_eq!((all.saved.len(), &all.records), (18, &whole.records), "saves change the metrics");
    let steps: Vec<usize> =
        all.saved.iter().map(|(place, _)| place.log.unwrap_or(Running::default()).step).collect();
    assert_eq!(steps, (1..=18).collect::<Vec<_>>());
    assert!(all.saved.last() == Some(&end), "saves change the result");
    // ... and from each save another engine comes to the same.
    for saved in all.saved.iter().step_by(5) {
        let mut rest = Seen::default();
        let (place, state) = restored(recipe, saved.clone());
        assert!((&place, &state) == (&saved.0, &saved.1), "a checkpoint is not what was saved");
        run(make(recipe)?, recipe, Some(5), (place, Some(state)), &mut rest)?;
        let step = saved.1.step;
        assert!(rest.saved.last() == Some(&end), "continued at step {step} it ends with other bits");
        let done = whole.records.len() - rest.records.len();
        assert_eq!(rest.records, whole.records[done..], "continued at step {step} it has other metrics");
    }

    let mut stopped = Seen { stop_at: Some(2), ..Seen::default() };
    assert_eq!(run(make(recipe)?, recipe, None, start(), &mut stopped)?, End::Stopped);
    let (place, state) = stopped.saved.last().unwrap().clone();
    assert!(state.step > 0 && state.step < 18);
    run(make(recipe)?, recipe, None, (place, Some(state)), &mut stopped)?;
    assert!(stopped.saved.last() == Some(&end), "stopped and continued it ends with other bits");
    assert_eq!(stopped.records, whole.records);
    Ok(())
}

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (ema, what) in [(None, ""), (Some(0.9), ", averaged")] {
        for plan in [Kind::Fused, Kind::Layered] {
            trials.push(trial(format!("{plan}{what}: goes on from any step"), move |gpu| {
                goes_on_from_any_step(|recipe| on_device(gpu, recipe), &recipe(plan, ema))
            }));
        }
        trials.push(libtest_mimic::Trial::test(format!("cpu{what}: goes on from any step"), move || {
            Ok(goes_on_from_any_step(on_cpu, &recipe(Kind::Fused, ema))?)
        }));
    }
    conclude(trials)
}
