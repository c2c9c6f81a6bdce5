//! The engine on the device against the CPU reference: whole epochs with a tail batch, evaluation,
//! prediction, and what is refused.

mod common;

use std::process::ExitCode;
use std::sync::mpsc::channel;

use common::steps::network;
use digit_adder::data::{Addend, Addends, Augment, Dataset, HeldOut, Image, Split};
use digit_adder::engine::cpu::CpuEngine;
use digit_adder::engine::gpu::GpuEngine;
use digit_adder::engine::gpu::tune::tune;
use digit_adder::network::{ConvSizes, Loss, Network, Sizes};
use digit_adder::plans::Kind;
use digit_adder::plans::tiles::{CANDIDATES, Tiles};
use digit_adder::random::{Purpose, Random};
use digit_adder::selftest::comparator::{Tol, close, nmse};
use digit_adder::train::log::Running;
use digit_adder::train::{Engine, Epoch, LearningRate, Metrics, Recipe, Schedule, State, StepLog};

/// Random blots: enough of a pattern for the losses to move.
fn dataset() -> Dataset {
    let split = |index: u32, count: usize| {
        let mut random = Random::new(7, Purpose::Test, index);
        let labels: Vec<u8> = (0..count).map(|_| random.below(10) as u8).collect();
        let pixel = |label: u8, at: usize| if at / 28 / 3 == usize::from(label) { 200 } else { 0 };
        let images = labels
            .iter()
            .flat_map(|&label| (0..784).map(move |at| (label, at)))
            .map(|(label, at)| pixel(label, at) + random.below(56) as u8)
            .collect();
        Split::new(images, labels).expect("the blots are sound")
    };
    Dataset {
        origin: "blots".into(),
        train: split(0, 203),
        validation: Split::default(),
        test: split(1, 607),
    }
}

fn engines(network: &Network, plan: Kind, loss: Loss, batch: usize) -> Result<[Box<dyn Engine>; 2], String> {
    engines_of(network, Recipe { batch_size: batch, loss, plan, ..Recipe::default() })
}

fn engines_of(network: &Network, recipe: Recipe) -> Result<[Box<dyn Engine>; 2], String> {
    let (dataset, batch) = (dataset(), recipe.batch_size);
    let start = network.initial_parameters(3);
    let gpu = common::gpu::device()?.clone();
    let kernels = common::gpu::kernels(false);
    let device = GpuEngine::new(gpu, kernels, network.clone(), recipe.clone(), start.clone(), &dataset);
    let mut device = device.map_err(|error| error.to_string())?;
    let real = common::steps::network();
    let kernel = |network: &Network| network.parameters()[0].shape.clone();
    if kernel(network) != kernel(&real) || *network == real && batch != 64 {
        // A software driver compiles thin tiles in a fraction of the time; the default batch has the fat ones.
        device.cut(Tiles::THIN);
    }
    let reference =
        CpuEngine::reference(network.clone(), recipe, start, dataset).map_err(|error| error.to_string())?;
    Ok([Box::new(device), Box::new(reference)])
}

fn epoch(images: u32) -> Epoch {
    epoch_at(images, 1e-3.into())
}

fn epoch_at(images: u32, rate: LearningRate) -> Epoch {
    let mut random = Random::new(9, Purpose::Test, 0);
    let order = random.permutation(images);
    let addends =
        Addends::new((0..203).map(|_| random.below(10) as u8).collect()).expect("they are below 10");
    Epoch::new(order, addends, rate).expect("every index is below the number of images")
}

/// Two epochs and an evaluation give the same losses and counts, and one image the same probabilities.
fn same_as_reference(network: &Network, plan: Kind, loss: Loss, batch: usize) -> Result<(), String> {
    same_by(network, &Recipe { batch_size: batch, loss, plan, epochs: 2, ..Recipe::default() })
}

fn same_by(network: &Network, recipe: &Recipe) -> Result<(), String> {
    let batch = recipe.batch_size;
    let rates = recipe.rates(203u32.div_ceil(batch as u32));
    let (mut results, mut logs) = (Vec::new(), Vec::new());
    for mut engine in engines_of(network, recipe.clone())? {
        let (sender, lines) = channel();
        engine.log_steps(StepLog::new(3, Running::default(), move |line| {
            sender.send((line.step, line.loss)).unwrap();
        }));
        let epochs = [0, 1].map(|_| {
            let mut told = Vec::new();
            let metrics = engine.train_epoch(&epoch_at(203, rates), &mut |done| told.push(done)).unwrap();
            assert!(told.is_sorted() && told.last() == Some(&203), "{told:?}");
            metrics
        });
        let addends = Addends::new((0..607).map(|i| (i % 10) as u8).collect()).unwrap();
        let test = engine.evaluate(HeldOut::Test, &addends).unwrap();
        let image = Image::new(&dataset().test.images()[..784]).unwrap();
        let prediction = engine.predict(&image, Addend::new(6).unwrap()).unwrap();
        results.push((epochs, test, prediction));
        logs.push(lines.try_iter().unzip());
    }
    let [(device_steps, device_losses), (reference_steps, reference_losses)]: &[(Vec<usize>, Vec<f64>); 2] =
        &logs.try_into().unwrap();
    assert_eq!(device_steps, reference_steps);
    assert_eq!(device_steps.len(), 2 * 203usize.div_ceil(batch) / 3);
    close("running losses", device_losses, reference_losses, Tol::absolute(1e-5))
        .map_err(|e| e.to_string())?;
    let (device, reference) = (&results[0], &results[1]);
    let tol = Tol::absolute(1e-5);
    let passes =
        |(epochs, test, _): &([Metrics; 2], Metrics, _)| [epochs[0].clone(), epochs[1].clone(), test.clone()];
    for (got, want) in passes(device).iter().zip(&passes(reference)) {
        let losses =
            |m: &Metrics| -> Vec<f64> { m.heads.iter().map(|head| head.loss).chain([m.loss]).collect() };
        close("losses", &losses(got), &losses(want), tol).map_err(|e| e.to_string())?;
    }
    for (got, want) in device.2.heads.iter().zip(&reference.2.heads) {
        assert_eq!(got.head, want.head);
        close(&got.head, &got.probabilities, &want.probabilities, tol).map_err(|e| e.to_string())?;
    }
    for (got, want) in [(&device.1, &reference.1), (&device.0[1], &reference.0[1])] {
        assert_eq!((got.images, got.heads.len()), (want.images, network.heads().len()));
        // One image in a hundred may lie on the edge between two classes.
        for (got, want) in got.heads.iter().zip(&want.heads) {
            let (got, want) = (got.correct, want.correct);
            assert!(got.abs_diff(want) <= want / 100, "{got} right, the reference {want}");
        }
    }
    Ok(())
}

/// The images change as in the reference: but for a pixel here and there, on the edge between two grey values.
fn augmented_as_reference() -> Result<(), String> {
    same_by(&network(), &Recipe { augment: Augment::FULL, epochs: 2, ..Recipe::default() })
}

/// The order of every sum is the same whatever the tiles; a driver's compiler may still round in other
/// places.
fn tiles_do_not_matter() -> Result<(), String> {
    let dataset = dataset();
    let gpu = common::gpu::device()?;
    let mut all = Vec::new();
    for (_, tiles) in CANDIDATES {
        let start = network().initial_parameters(3);
        let (kernels, recipe) = (common::gpu::kernels(false), Recipe::default());
        let mut engine = GpuEngine::new(gpu.clone(), kernels, network(), recipe, start.clone(), &dataset)
            .map_err(|error| error.to_string())?;
        engine.cut(tiles);
        engine.train_epoch(&epoch(192), &mut |_| {}).map_err(|error| error.to_string())?;
        let parameters = engine.parameters().map_err(|error| error.to_string())?;
        assert_ne!(parameters, start);
        all.push(parameters);
    }
    for ((name, _), parameters) in CANDIDATES.iter().zip(&all) {
        let want: Vec<f64> = all[0].iter().map(|&x| x.into()).collect();
        close(name, parameters, &want, Tol::absolute(1e-5)).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Every candidate is timed, and the fastest is the one that is chosen.
fn tuning_tells_every_candidate() -> Result<(), String> {
    let mut told = Vec::new();
    let start = network().initial_parameters(3);
    let say = &mut |line: &str| told.push(line.into());
    let tiles = tune(common::gpu::device()?, &network(), &Recipe::default(), &start, say)
        .map_err(|error| error.to_string())?;
    let told: Vec<String> = told;
    assert_eq!(told.len(), CANDIDATES.len() + 1, "{told:?}");
    let name = CANDIDATES.iter().find(|(_, candidate)| *candidate == tiles).ok_or("none of them")?.0;
    assert_eq!(told.last(), Some(&format!("{name} tiles are used")));
    let times = told[..CANDIDATES.len()].iter().map(|line| -> f64 {
        line.split_whitespace().rev().nth(3).and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
    });
    let times: Vec<f64> = times.collect();
    let chosen = CANDIDATES.iter().position(|(known, _)| *known == name).ok_or("no such name")?;
    assert!(times.iter().all(|time| times[chosen] <= *time), "{told:?}");
    Ok(())
}

fn fewer_images_than_a_batch() -> Result<(), String> {
    let [mut engine, _] = engines(&network(), Kind::Fused, Loss::Logits, 64)?;
    let few = engine.train_epoch(&epoch(5), &mut |_| {}).unwrap();
    assert_eq!(few.images, 5);
    // And then more again, with another tail.
    assert_eq!(engine.train_epoch(&epoch(130), &mut |_| {}).unwrap().images, 130);
    Ok(())
}

fn a_loss_that_is_not_finite_is_reported() -> Result<(), String> {
    let [mut engine, _] = engines(&network(), Kind::Fused, Loss::Logits, 64)?;
    let mut parameters = engine.parameters().unwrap();
    // A bias of a head: after it there is no ReLU or pooling that could swallow a NaN.
    parameters[network().parameter("out2.bias").unwrap().offset] = f32::NAN;
    engine.set_state(&State::new(parameters)).unwrap();
    let error = engine.train_epoch(&epoch(203), &mut |_| {}).unwrap_err();
    assert_eq!(error.exit_code(), 5);
    Ok(())
}

fn what_is_not_there_is_refused() -> Result<(), String> {
    let [mut engine, _] = engines(&network(), Kind::Fused, Loss::Logits, 64)?;
    let few = Addends::all(Addend::new(3).unwrap(), 202);
    let few = Epoch::new(vec![0], few, 1e-3).unwrap();
    assert_eq!(engine.train_epoch(&few, &mut |_| {}).unwrap_err().exit_code(), 2);
    assert_eq!(
        engine.evaluate(HeldOut::Test, &Addends::all(Addend::new(3).unwrap(), 606)).unwrap_err().exit_code(),
        2
    );
    assert_eq!(engine.set_state(&State::new(vec![0.0; 3])).unwrap_err().exit_code(), 4);
    Ok(())
}

/// An engine that is given another's state continues to the same bits, and the reference has the same
/// moments.
fn a_state_holds_all() -> Result<(), String> {
    let [mut device, mut reference] = engines(&network(), Kind::Fused, Loss::Logits, 64)?;
    let [mut other, _] = engines(&network(), Kind::Fused, Loss::Logits, 64)?;
    device.train_epoch(&epoch(203), &mut |_| {}).unwrap();
    reference.train_epoch(&epoch(203), &mut |_| {}).unwrap();
    let (got, want) = (device.state().unwrap(), reference.state().unwrap());
    assert_eq!((got.step, want.step), (4, 4));
    for (name, got, want) in [
        ("first moments", &got.first_moments, &want.first_moments),
        ("second moments", &got.second_moments, &want.second_moments),
    ] {
        assert!(got.iter().any(|&moment| moment != 0.0), "the {name} are 0");
        close(name, got, want, Tol::absolute(1e-5)).map_err(|e| e.to_string())?;
    }
    other.set_state(&got).unwrap();
    for engine in [&mut device, &mut other] {
        engine.train_epoch(&epoch(130), &mut |_| {}).unwrap();
    }
    assert!(device.state().unwrap() == other.state().unwrap(), "the state does not hold all");
    Ok(())
}

/// The device's average is the reference's, moves no parameter, and starts from those that it is given.
fn an_average_is_kept(plan: Kind) -> Result<(), String> {
    let recipe = Recipe { plan, ema: Some(0.9), ..Recipe::default() };
    let [mut plain, _] = engines(&network(), plan, Loss::Logits, 64)?;
    let [mut device, mut reference] = engines_of(&network(), recipe)?;
    let start = device.state().unwrap();
    assert!(start.average.as_ref() == Some(&start.parameters), "the average starts elsewhere");
    for engine in [&mut plain, &mut device, &mut reference] {
        engine.train_epoch(&epoch(203), &mut |_| {}).unwrap();
    }
    let (got, want, without) = (device.state().unwrap(), reference.state().unwrap(), plain.state().unwrap());
    assert!(without.average.is_none());
    close("parameters", &got.parameters, &without.parameters, Tol::absolute(1e-5))
        .map_err(|e| e.to_string())?;
    let want: Vec<f64> = want.average.unwrap().into_iter().map(f64::from).collect();
    let average = got.average.as_ref().unwrap();
    assert!(average != &got.parameters && average != &start.parameters);
    nmse("average", average, &want, 1e-9).map_err(|e| e.to_string())?;

    device.set_state(&State::new(start.parameters.clone())).unwrap();
    assert!(device.state().unwrap() == start, "a state without an average has none of what was before");
    device.set_state(&got).unwrap();
    assert!(device.state().unwrap() == got);
    Ok(())
}

fn main() -> ExitCode {
    // First: what comes later finds these kernels in the driver's cache, tuning all of them.
    let mut trials = vec![
        common::gpu::trial("tiles do not matter", |_| tiles_do_not_matter()),
        common::gpu::trial("augmented as the reference", |_| augmented_as_reference()),
    ];
    for kind in [Kind::Fused, Kind::Layered] {
        for loss in [Loss::Logits, Loss::DoubleSoftmax] {
            // The batch enters the loss only as a factor.
            let batches = if loss == Loss::Logits { &[64, 29][..] } else { &[29] };
            for &batch in batches {
                let name = format!("{kind:?}, {loss:?}, batch {batch}: as the reference");
                trials.push(common::gpu::trial(name, move |_| {
                    same_as_reference(&network(), kind, loss, batch)
                }));
            }
        }
    }
    // The fused kernels take all but the last, which falls to the layered plan. A kernel of 3 leaves pooled
    // rows that are not whole strips, one of 4 a row and a column that no window takes.
    let real = Sizes::default();
    let conv = |conv: ConvSizes, channels: usize, kernel: usize, window: usize| ConvSizes {
        channels: if channels > 0 { channels } else { conv.channels },
        kernel,
        window,
    };
    let both = |kernel, window| Sizes {
        conv1: conv(real.conv1, 0, kernel, window),
        conv2: conv(real.conv2, 0, kernel, window),
        ..real
    };
    let (wide1, wide2) = (conv(real.conv1, 8, 5, 2), conv(real.conv2, 16, 5, 2));
    for (name, sizes) in [
        ("wider layers", Sizes { conv1: wide1, conv2: wide2, fc1: 128, fc2: 192, fc3: 128, ..real }),
        ("a 3x3 kernel", both(3, 2)),
        ("a 4x4 kernel", Sizes { conv1: conv(real.conv1, 5, 4, 2), ..both(4, 2) }),
        ("kernels of two sizes", Sizes { conv1: conv(real.conv1, 0, 3, 2), ..real }),
        ("windows of 3", both(3, 3)),
    ] {
        let run = move |_: &'static _| {
            let network = sizes.network().map_err(|error| error.to_string())?;
            same_as_reference(&network, Kind::Fused, Loss::Logits, 29)
        };
        trials.push(common::gpu::trial(format!("{name}: as the reference"), run));
    }
    for plan in [Kind::Fused, Kind::Layered] {
        trials.push(common::gpu::trial(format!("{plan:?}, all options: as the reference"), move |_| {
            let recipe = Recipe { plan, batch_size: 29, epochs: 2, learning_rate: 3e-3, ..Recipe::default() };
            let recipe = Recipe { weight_decay: 0.5, clip_norm: Some(0.25), ema: Some(0.9), ..recipe };
            same_by(&network(), &Recipe { lr_schedule: Schedule::OneCycle, ..recipe })
        }));
        let average = move |_: &'static _| an_average_is_kept(plan);
        trials.push(common::gpu::trial(format!("{plan:?}: an average is kept"), average));
    }
    trials.push(common::gpu::trial("a state holds all", |_| a_state_holds_all()));
    trials.push(common::gpu::trial("fewer images than a batch", |_| fewer_images_than_a_batch()));
    trials.push(common::gpu::trial("NaN loss is reported", |_| a_loss_that_is_not_finite_is_reported()));
    trials.push(common::gpu::trial("what is not there is refused", |_| what_is_not_there_is_refused()));
    trials.push(common::gpu::trial("tuning reports every candidate", |_| tuning_tells_every_candidate()));
    common::gpu::conclude(trials)
}
