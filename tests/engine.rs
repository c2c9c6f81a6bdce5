//! The engine on the device against the CPU reference: whole epochs with a tail batch, evaluation,
//! prediction, and what is refused.

mod common;

use std::process::ExitCode;
use std::sync::mpsc::channel;

use digit_adder::compare::{Tol, close};
use digit_adder::data::{Dataset, Split};
use digit_adder::gpu::engine::GpuEngine;
use digit_adder::gpu::tune::tune;
use digit_adder::network::Sizes;
use digit_adder::plans::Kind;
use digit_adder::plans::tiles::{CANDIDATES, Tiles};
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::trainer::CpuEngine;
use digit_adder::train::{Engine, Epoch, Loss, Settings, StepLog};

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
        Split { images, labels }
    };
    Dataset { origin: "blots".into(), train: split(0, 203), test: split(1, 607) }
}

fn engines(sizes: Sizes, kind: Kind, loss: Loss, batch: usize) -> Result<[Box<dyn Engine>; 2], String> {
    let dataset = dataset();
    let settings = Settings { batch, loss, plan: kind };
    let start = sizes.initial_parameters(3);
    let gpu = common::gpu::device()?.clone();
    let kernels = common::gpu::kernels(false);
    let mut device =
        GpuEngine::new(gpu, kernels, sizes, settings, &start, &dataset).map_err(|error| error.to_string())?;
    if sizes.kernel != Sizes::default().kernel || sizes == Sizes::default() && batch != 64 {
        // A software driver compiles thin tiles in a fraction of the time; the default batch has the fat ones.
        device.cut(Tiles::THIN);
    }
    let reference = CpuEngine::new(sizes, settings, start, dataset).map_err(|error| error.to_string())?;
    Ok([Box::new(device), Box::new(reference)])
}

fn epoch(images: u32) -> Epoch {
    let mut random = Random::new(9, Purpose::Test, 0);
    Epoch {
        order: random.permutation(images),
        addends: (0..203).map(|_| random.below(10) as u8).collect(),
        learning_rate: 1e-3,
    }
}

/// Two epochs and an evaluation give the same losses and counts, and one image the same probabilities.
fn same_as_reference(sizes: Sizes, kind: Kind, loss: Loss, batch: usize) -> Result<(), String> {
    let (mut results, mut logs) = (Vec::new(), Vec::new());
    for mut engine in engines(sizes, kind, loss, batch)? {
        let (sender, lines) = channel();
        engine.log_steps(StepLog::new(3, move |line| sender.send((line.step, line.loss)).unwrap()));
        let epochs = [0, 1].map(|_| {
            let mut told = Vec::new();
            let metrics = engine.train_epoch(&epoch(203), &mut |done| told.push(done)).unwrap();
            assert!(told.is_sorted() && told.last() == Some(&203), "{told:?}");
            metrics
        });
        let addends: Vec<u8> = (0..607).map(|i| (i % 10) as u8).collect();
        let test = engine.evaluate(&addends).unwrap();
        let prediction = engine.predict(&dataset().test.images[..784], 6).unwrap();
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
    let losses = |(epochs, test, _): &([_; 2], digit_adder::train::Metrics, _)| {
        let epochs: &[digit_adder::train::Metrics; 2] = epochs;
        [epochs[0].loss, epochs[1].loss, test.loss]
    };
    let tol = Tol::absolute(1e-5);
    close("losses", &losses(device), &losses(reference), tol).map_err(|e| e.to_string())?;
    for (got, want) in [(&device.2.digit, &reference.2.digit), (&device.2.sum, &reference.2.sum)] {
        close("probabilities", got, want, tol).map_err(|e| e.to_string())?;
    }
    let counts = |m: &digit_adder::train::Metrics| [m.images, m.digits, m.sums];
    for (got, want) in [(&device.1, &reference.1), (&device.0[1], &reference.0[1])] {
        // One image in a hundred may stand on the edge between two classes.
        for (got, want) in counts(got).into_iter().zip(counts(want)) {
            assert!(got.abs_diff(want) <= want / 100, "{got} right, the reference {want}");
        }
    }
    Ok(())
}

/// The order of every sum is the same whatever the tiles; what a driver's compiler makes of it may be
/// rounded in other places.
fn tiles_do_not_matter() -> Result<(), String> {
    let (dataset, sizes) = (dataset(), Sizes::default());
    let settings = Settings { batch: 64, loss: Loss::Logits, plan: Kind::Fused };
    let gpu = common::gpu::device()?;
    let mut all = Vec::new();
    for (_, tiles) in CANDIDATES {
        let start = sizes.initial_parameters(3);
        let kernels = common::gpu::kernels(false);
        let mut engine = GpuEngine::new(gpu.clone(), kernels, sizes, settings, &start, &dataset)
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
    let sizes = Sizes::default();
    let mut told = Vec::new();
    let start = sizes.initial_parameters(3);
    let tiles =
        tune(common::gpu::device()?, sizes, Loss::Logits, 64, &start, &mut |line| told.push(line.into()))
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
    let [mut engine, _] = engines(Sizes::default(), Kind::Fused, Loss::Logits, 64)?;
    let few = engine.train_epoch(&epoch(5), &mut |_| {}).unwrap();
    assert_eq!(few.images, 5);
    // And then more again, with another tail.
    assert_eq!(engine.train_epoch(&epoch(130), &mut |_| {}).unwrap().images, 130);
    Ok(())
}

fn a_loss_that_is_not_finite_is_reported() -> Result<(), String> {
    let [mut engine, _] = engines(Sizes::default(), Kind::Fused, Loss::Logits, 64)?;
    let mut parameters = engine.parameters().unwrap();
    // A bias of a head: behind it there is no ReLU or pooling that could swallow a NaN.
    let sizes = Sizes::default();
    let bias = sizes.parameters().into_iter().find(|p| p.name == "out2.bias").unwrap();
    parameters[bias.offset] = f32::NAN;
    engine.set_parameters(&parameters).unwrap();
    let error = engine.train_epoch(&epoch(203), &mut |_| {}).unwrap_err();
    assert_eq!(error.exit_code(), 5);
    Ok(())
}

fn what_is_not_there_is_refused() -> Result<(), String> {
    let [mut engine, _] = engines(Sizes::default(), Kind::Fused, Loss::Logits, 64)?;
    assert_eq!(engine.train_epoch(&epoch(204), &mut |_| {}).unwrap_err().exit_code(), 2);
    for broken in [
        Epoch { order: vec![203], ..epoch(203) },
        Epoch { addends: vec![3; 202], ..epoch(203) },
        Epoch { addends: vec![10; 203], ..epoch(203) },
    ] {
        assert_eq!(engine.train_epoch(&broken, &mut |_| {}).unwrap_err().exit_code(), 2);
    }
    assert_eq!(engine.set_parameters(&[0.0; 3]).unwrap_err().exit_code(), 2);
    Ok(())
}

fn main() -> ExitCode {
    // First: what comes later finds these kernels in the driver's cache, tuning all of them.
    let mut trials = vec![common::gpu::trial("tiles do not matter", |_| tiles_do_not_matter())];
    for kind in [Kind::Fused, Kind::Layered] {
        for loss in [Loss::Logits, Loss::DoubleSoftmax] {
            // The batch does not meet the loss anywhere but in a factor.
            let batches = if loss == Loss::Logits { &[64, 29][..] } else { &[29] };
            for &batch in batches {
                let name = format!("{kind:?}, {loss:?}, batch {batch}: as the reference");
                trials.push(common::gpu::trial(name, move |_| {
                    same_as_reference(Sizes::default(), kind, loss, batch)
                }));
            }
        }
    }
    // The fused kernels take all but the last, which falls to the layered plan. A kernel of 3 leaves pooled
    // rows that are no whole strips, one of 4 a row and a column that no window takes.
    let real = Sizes::default();
    for (name, sizes) in [
        ("wider layers", Sizes { conv1: 8, conv2: 16, fc1: 128, fc2: 192, fc3: 128, ..real }),
        ("a 3x3 kernel", Sizes { kernel: 3, ..real }),
        ("a 4x4 kernel", Sizes { kernel: 4, conv1: 5, ..real }),
        ("windows of 3", Sizes { window: 3, kernel: 3, ..real }),
    ] {
        let run = move |_| same_as_reference(sizes, Kind::Fused, Loss::Logits, 29);
        trials.push(common::gpu::trial(format!("{name}: as the reference"), run));
    }
    trials.push(common::gpu::trial("fewer images than a batch", |_| fewer_images_than_a_batch()));
    trials.push(common::gpu::trial("NaN loss is reported", |_| a_loss_that_is_not_finite_is_reported()));
    trials.push(common::gpu::trial("what is not there is refused", |_| what_is_not_there_is_refused()));
    trials.push(common::gpu::trial("tuning tells every candidate", |_| tuning_tells_every_candidate()));
    common::gpu::conclude(trials)
}
