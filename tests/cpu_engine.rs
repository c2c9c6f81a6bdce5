//! The engine that trains on the CPU.

use digit_adder::Error;
use digit_adder::compare::{Tol, close};
use digit_adder::data::{Dataset, PIXELS, Split};
use digit_adder::network::{DIGITS, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::Kind;
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::gather::{self, Source};
use digit_adder::reference::network::Network;
use digit_adder::reference::trainer::CpuEngine;
use digit_adder::reference::{adam, metrics};
use digit_adder::train::{Engine, Epoch, Loss, Metrics, Settings};

const IMAGES: usize = 200;
const SETTINGS: Settings = Settings { batch: 60, loss: Loss::Logits, plan: Kind::Fused };

/// Noise, its brightness the label's: learnable, if barely.
fn split(images: usize, index: u32) -> Split {
    let mut random = Random::new(1, Purpose::Test, index);
    let labels: Vec<u8> = (0..images).map(|_| random.below(10) as u8).collect();
    let pixels = labels.iter().flat_map(|&label| [label; PIXELS]);
    Split { images: pixels.map(|label| random.below(26 * u32::from(label) + 1) as u8).collect(), labels }
}

fn dataset() -> Dataset {
    Dataset { origin: "noise".into(), train: split(IMAGES, 0), test: split(30, 1) }
}

fn engine(settings: Settings) -> CpuEngine {
    let sizes = Sizes::default();
    CpuEngine::new(sizes, settings, sizes.initial_parameters(1), dataset()).unwrap()
}

fn epoch(images: u32) -> Epoch {
    let mut random = Random::new(2, Purpose::Test, 0);
    let addends = (0..IMAGES).map(|_| random.below(10) as u8).collect();
    let mut order = random.permutation(IMAGES as u32);
    order.truncate(images as usize);
    Epoch { order, addends, learning_rate: 1e-3 }
}

fn train(engine: &mut CpuEngine, epoch: &Epoch) -> Metrics {
    engine.train_epoch(epoch, &mut |_| ()).unwrap()
}

fn bits(engine: &mut CpuEngine) -> Vec<u32> {
    engine.parameters().unwrap().into_iter().map(f32::to_bits).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut engine = engine(SETTINGS);
            let trained = [train(&mut engine, &epoch(170)), train(&mut engine, &epoch(200))];
            (trained, engine.evaluate(&[3; 30]).unwrap(), bits(&mut engine))
        })
    };
    let alone = run(1);
    assert!(alone == run(2), "two threads gave other bits than one");
    assert!(alone == run(5), "five threads gave other bits than one");
}

#[test]
fn an_epoch_is_what_the_formulas_say_tail_batch_and_all() {
    let (network, data, epoch) = (Network::new(Sizes::default(), SETTINGS.loss), dataset(), epoch(170));
    let mut w: Vec<f64> = network.sizes.initial_parameters(1).into_iter().map(f64::from).collect();
    let (mut m, mut v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    let (mut loss, mut digits, mut sums, mut steps) = (0.0, 0, 0, 0);
    for order in epoch.order.chunks(SETTINGS.batch) {
        let count = order.len();
        let (mut image, mut number) = (vec![f64::NAN; count * PIXELS], vec![f64::NAN; count * DIGITS]);
        let (mut digit, mut sum) = (vec![0; count], vec![0; count]);
        let source =
            Source { images: &data.train.images, labels: &data.train.labels, addends: &epoch.addends };
        let batch =
            gather::Batch { image: &mut image, number: &mut number, digit: &mut digit, sum: &mut sum };
        gather::forward(order, source, batch);
        let pass = network.forward(&w, &image, &number);
        let (of_images, dlogits) = network.loss(&pass, [&digit, &sum], 1.0 / count as f64);
        let gradients = network.backward(&w, &image, &number, &pass, dlogits);
        loss += metrics::total_loss(&of_images);
        digits += metrics::right(&pass.values.out1, &digit);
        sums += metrics::right(&pass.values.out2, &sum);
        steps += 1;
        adam::step(&Adam::default(), 1e-3, steps, &gradients.flat, &mut w, &mut m, &mut v);
    }
    assert_eq!(steps, 3);
    let mut engine = engine(SETTINGS);
    let got = train(&mut engine, &epoch);
    assert_eq!((got.images, got.digits, got.sums), (170, digits, sums));
    close("loss", &[got.loss], &[loss / 170.0], Tol::absolute(1e-5)).unwrap();
    // Adam moves a parameter by about the learning rate whatever its gradient's size, so where the
    // gradient is all rounding error f32 and f64 may part by that much; in the mean they must not.
    let parameters = engine.parameters().unwrap();
    digit_adder::compare::nmse("parameters", &parameters, &w, 1e-9).unwrap();
}

#[test]
fn training_lowers_the_loss_and_evaluation_agrees_with_prediction() {
    let mut engine = engine(SETTINGS);
    let first = train(&mut engine, &epoch(200));
    for _ in 0..4 {
        train(&mut engine, &epoch(200));
    }
    let last = train(&mut engine, &epoch(200));
    assert!(last.loss < first.loss - 0.1, "{first:?} {last:?}");

    let test = split(30, 1);
    let (mut digits, mut sums) = (0, 0);
    for (image, &label) in test.images.chunks_exact(PIXELS).zip(&test.labels) {
        let prediction = engine.predict(image, 4).unwrap();
        for probabilities in [&prediction.digit, &prediction.sum] {
            let total: f32 = probabilities.iter().sum();
            assert!((total - 1.0).abs() <= 1e-6, "{total}");
        }
        digits += usize::from(metrics::argmax(&prediction.digit) == usize::from(label));
        sums += usize::from(metrics::argmax(&prediction.sum) == usize::from(label + 4));
    }
    let metrics = engine.evaluate(&[4; 30]).unwrap();
    assert_eq!((metrics.images, metrics.digits, metrics.sums), (30, digits, sums));
}

#[test]
fn progress_ends_with_the_last_image() {
    let mut told = Vec::new();
    engine(SETTINGS).train_epoch(&epoch(170), &mut |images| told.push(images)).unwrap();
    assert_eq!(told, [170]);
}

#[test]
fn set_parameters_forgets_the_optimizer() {
    let sizes = Sizes::default();
    let mut used = engine(SETTINGS);
    train(&mut used, &epoch(200));
    used.set_parameters(&sizes.initial_parameters(1)).unwrap();
    let mut fresh = engine(SETTINGS);
    train(&mut used, &epoch(200));
    train(&mut fresh, &epoch(200));
    assert!(bits(&mut used) == bits(&mut fresh));
}

#[test]
fn a_loss_that_is_not_finite_ends_training() {
    for learning_rate in [f32::NAN, f32::INFINITY] {
        let epoch = Epoch { learning_rate, ..epoch(200) };
        let error = engine(SETTINGS).train_epoch(&epoch, &mut |_| ()).unwrap_err();
        assert!(matches!(&error, Error::Diverged(text) if text.contains("step 2 of 4")), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let sizes = Sizes::default();
    let new =
        |settings, parameters, dataset: Dataset| CpuEngine::new(sizes, settings, parameters, dataset).err();
    let says = |error: Option<Error>, part: &str| {
        let text = error.expect("no error").to_string();
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    };
    says(new(Settings { batch: 0, ..SETTINGS }, sizes.initial_parameters(1), dataset()), "batch size is 0");
    says(new(SETTINGS, vec![0.0; 3], dataset()), "3 were given");
    let mut odd = dataset();
    odd.test.labels[7] = 10;
    says(new(SETTINGS, sizes.initial_parameters(1), odd), "label 10");
    let mut odd = dataset();
    odd.train.images.pop();
    says(new(SETTINGS, sizes.initial_parameters(1), odd), "training set has 200 labels");

    let mut engine = engine(SETTINGS);
    let mut no_progress = |_| ();
    let beyond = Epoch { order: vec![0, 200], ..epoch(0) };
    says(engine.train_epoch(&beyond, &mut no_progress).err(), "image 200");
    let few = Epoch { addends: vec![1; 199], ..epoch(200) };
    says(engine.train_epoch(&few, &mut no_progress).err(), "199 addends");
    says(engine.evaluate(&[10; 30]).err(), "addend 10");
    says(engine.predict(&[0; 5], 1).err(), "784 pixels");
    says(engine.predict(&[0; PIXELS], 12).err(), "addend 12");
    says(engine.set_parameters(&[1.0]).err(), "1 were given");
}
