//! The engine that trains on the CPU.

use digit_adder::Error;
use digit_adder::data::{Addend, Addends, Augment, Dataset, HeldOut, Image, PIXELS, Split};
use digit_adder::engine::cpu::CpuEngine;
use digit_adder::network::{Builder, DIGITS, Input, Loss, Network, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::gather::{self, Batch, Examples};
use digit_adder::reference::network::{backward, forward, losses};
use digit_adder::reference::{adam, metrics};
use digit_adder::selftest::comparator::{Tol, close, nmse};
use digit_adder::train::{Engine, Epoch, Metrics, Recipe, State};

const IMAGES: usize = 200;
const BATCH: usize = 60;

fn network() -> Network {
    Sizes::default().network().unwrap()
}

fn recipe() -> Recipe {
    Recipe { batch_size: BATCH, ..Recipe::default() }
}

/// Noise as bright as its label: learnable, if barely.
fn split(images: usize, index: u32) -> Split {
    let mut random = Random::new(1, Purpose::Test, index);
    let labels: Vec<u8> = (0..images).map(|_| random.below(10) as u8).collect();
    let pixels = labels.iter().flat_map(|&label| [label; PIXELS]);
    let images = pixels.map(|label| random.below(26 * u32::from(label) + 1) as u8).collect();
    Split::new(images, labels).unwrap()
}

fn dataset() -> Dataset {
    Dataset {
        origin: "noise".into(),
        train: split(IMAGES, 0),
        validation: Split::default(),
        test: split(30, 1),
    }
}

fn engine() -> CpuEngine {
    CpuEngine::new(network(), recipe(), network().initial_parameters(1), dataset()).unwrap()
}

fn reference() -> CpuEngine {
    CpuEngine::reference(network(), recipe(), network().initial_parameters(1), dataset()).unwrap()
}

fn epoch(images: u32) -> Epoch {
    epoch_at(images, 1e-3)
}

fn epoch_at(images: u32, learning_rate: f32) -> Epoch {
    let mut random = Random::new(2, Purpose::Test, 0);
    let addends = Addends::new((0..IMAGES).map(|_| random.below(10) as u8).collect()).unwrap();
    let mut order = random.permutation(IMAGES as u32);
    order.truncate(images as usize);
    Epoch::new(order, addends, learning_rate).unwrap()
}

fn addends(addend: u8) -> Addends {
    Addends::all(Addend::new(addend).unwrap(), 30)
}

fn train(engine: &mut CpuEngine, epoch: &Epoch) -> Metrics {
    engine.train_epoch(epoch, &mut |_| ()).unwrap()
}

fn bits(engine: &mut CpuEngine) -> Vec<u32> {
    engine.parameters().unwrap().into_iter().map(f32::to_bits).collect()
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    same_with_any_threads(engine);
    same_with_any_threads(reference);
}

fn same_with_any_threads(engine: fn() -> CpuEngine) {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut engine = engine();
            let trained = [train(&mut engine, &epoch(170)), train(&mut engine, &epoch(200))];
            (trained, engine.evaluate(HeldOut::Test, &addends(3)).unwrap(), bits(&mut engine))
        })
    };
    let alone = run(1);
    for threads in [2, 3, 5] {
        assert!(alone == run(threads), "{threads} threads gave different bits than one");
    }
}

#[test]
fn an_epoch_is_what_the_formulas_say_tail_batch_and_all() {
    let (network, data, epoch) = (network(), dataset(), epoch(170));
    let mut w: Vec<f64> = network.initial_parameters(1).into_iter().map(f64::from).collect();
    let (mut m, mut v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    let (mut loss, mut correct, mut steps) = ([0.0; 2], [0; 2], 0);
    for order in epoch.order().chunks(BATCH) {
        let examples = Examples {
            images: data.train.images(),
            labels: data.train.labels(),
            addends: epoch.addends().numbers(),
        };
        let Batch { image, number, targets } =
            gather::forward::<f64>(order, order.len(), examples, network.heads());
        let pass = forward(&network, &w, &image, &number);
        let mut weight = vec![0.0; order.len()];
        gather::weights(order.len(), 2, &mut weight);
        let losses = losses(&network, recipe().loss, &pass, &targets, &weight);
        let gradients = backward(&network, &w, [&image, &number], &pass, &losses.d_logits);
        for (index, head) in network.heads().iter().enumerate() {
            loss[index] += metrics::total_loss(&losses.of_heads[index]);
            correct[index] += metrics::correct(&pass.values[head.logits], &targets[index]);
        }
        steps += 1;
        adam::step(&Adam::default(), 1e-3, steps, &gradients.flat, &mut w, &mut m, &mut v);
    }
    assert_eq!(steps, 3);
    for mut engine in [engine(), reference()] {
        let got = train(&mut engine, &epoch);
        assert_eq!((got.images, got.heads.len()), (170, 2));
        for (index, head) in got.heads.iter().enumerate() {
            assert_eq!((head.head.as_str(), head.correct), (["digit", "sum"][index], correct[index]));
            close(&head.head, &[head.loss], &[loss[index] / 170.0], Tol::absolute(1e-5)).unwrap();
        }
        close("loss", &[got.loss], &[(loss[0] + loss[1]) / 2.0 / 170.0], Tol::absolute(1e-5)).unwrap();
        // Adam moves a parameter by about the learning rate whatever its gradient's size, so where the
        // gradient is all rounding error f32 and f64 may differ by that much; on average they must not.
        let parameters = engine.parameters().unwrap();
        nmse("parameters", &parameters, &w, 1e-9).unwrap();
    }
}

/// Weight decay, a limit of the gradients' norm, an average and changed images: what is beside the network.
#[test]
fn it_trains_as_the_reference_does_with_everything_on() {
    let recipe = Recipe {
        weight_decay: 0.1,
        clip_norm: Some(0.5),
        ema: Some(0.9),
        augment: Augment::FULL,
        loss: Loss::DoubleSoftmax,
        ..recipe()
    };
    let parameters = || network().initial_parameters(1);
    let engines = [
        CpuEngine::new(network(), recipe.clone(), parameters(), dataset()),
        CpuEngine::reference(network(), recipe.clone(), parameters(), dataset()),
    ];
    let [(metrics, state), (want_metrics, want)] = engines.map(|engine| {
        let mut engine = engine.unwrap();
        let epoch = epoch(200);
        (train(&mut engine, &epoch), engine.state().unwrap())
    });
    close("loss", &[metrics.loss], &[want_metrics.loss], Tol::absolute(1e-5)).unwrap();
    nmse("parameters", &state.parameters, &want.parameters, 1e-9).unwrap();
    nmse("average", &state.average.unwrap(), &want.average.unwrap(), 1e-9).unwrap();
    assert_eq!(state.step, want.step);
}

#[test]
fn training_lowers_the_loss_and_evaluation_agrees_with_prediction() {
    let mut engine = engine();
    let first = train(&mut engine, &epoch(200));
    for _ in 0..4 {
        train(&mut engine, &epoch(200));
    }
    let last = train(&mut engine, &epoch(200));
    assert!(last.loss < first.loss - 0.1, "{first:?} {last:?}");

    let test = split(30, 1);
    let (network, addend) = (network(), Addend::new(4).unwrap());
    let mut correct = [0; 2];
    for (image, &label) in test.images().chunks_exact(PIXELS).zip(test.labels()) {
        let prediction = engine.predict(&Image::new(image).unwrap(), addend).unwrap();
        for ((correct, said), head) in correct.iter_mut().zip(&prediction.heads).zip(network.heads()) {
            let total: f32 = said.probabilities.iter().sum();
            assert!((total - 1.0).abs() <= 1e-6, "{total}");
            *correct += usize::from(said.likeliest() as u32 == head.target(label, 4));
        }
    }
    let metrics = engine.evaluate(HeldOut::Test, &addends(4)).unwrap();
    assert_eq!(
        (metrics.images, metrics.heads.iter().map(|head| head.correct).collect()),
        (30, correct.to_vec())
    );
}

#[test]
fn progress_ends_with_the_last_image() {
    let mut told = Vec::new();
    engine().train_epoch(&epoch(170), &mut |images| told.push(images)).unwrap();
    assert_eq!(told, [170]);
}

#[test]
fn a_new_state_forgets_the_optimizer_and_a_kept_one_does_not() {
    let mut used = engine();
    train(&mut used, &epoch(200));
    used.set_state(&State::new(network().initial_parameters(1))).unwrap();
    let mut fresh = engine();
    train(&mut used, &epoch(200));
    train(&mut fresh, &epoch(200));
    assert!(bits(&mut used) == bits(&mut fresh));

    let mut other = engine();
    other.set_state(&used.state().unwrap()).unwrap();
    for engine in [&mut used, &mut other] {
        train(engine, &epoch(170));
    }
    assert!(used.state().unwrap() == other.state().unwrap(), "the state does not hold all");
    assert_eq!(used.state().unwrap().step, 4 + 3);
}

#[test]
fn a_loss_that_is_not_finite_ends_training() {
    for learning_rate in [f32::NAN, f32::INFINITY] {
        let error = engine().train_epoch(&epoch_at(200, learning_rate), &mut |_| ()).unwrap_err();
        assert!(matches!(&error, Error::Diverged(text) if text.contains("the loss of step 2 is")), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let new =
        |network: Network, recipe, parameters| CpuEngine::new(network, recipe, parameters, dataset()).err();
    let says = |error: Option<Error>, part: &str| {
        let text = error.expect("no error").to_string();
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    };
    let parameters = || network().initial_parameters(1);
    says(new(network(), Recipe { batch_size: 0, ..recipe() }, parameters()), "batch size is 0");
    says(new(network(), recipe(), vec![0.0; 3]), "3 were given");
    let mut small = Builder::new(&[8]).unwrap();
    let logits = small.linear("out", Input::Image, DIGITS).unwrap();
    small.head("digit", logits, |digit, _| digit).unwrap();
    says(new(small.finish().unwrap(), recipe(), parameters()), "images of 8 pixels");

    let mut engine = engine();
    let addends = |count| Addends::new(vec![1; count]).unwrap();
    says(Epoch::new(vec![0, 200], addends(200), 1e-3).err(), "image 200");
    let few = Epoch::new(vec![0], addends(199), 1e-3).unwrap();
    says(engine.train_epoch(&few, &mut |_| ()).err(), "199 addends");
    says(engine.evaluate(HeldOut::Test, &addends(31)).err(), "31 addends were given for 30 images");
    says(Addends::new(vec![3, 10]).err(), "addend 10");
    says(Addend::new(12).err(), "addend 12");
    says(engine.set_state(&State::new(vec![1.0])).err(), "1 were given");
}
