//! What a program is given that uses the library, with the names at the root and no others.

use std::ops::ControlFlow;
use std::path::Path;

use digit_adder::{
    Addend, Addends, Augment, Dataset, Device, Error, HeadMetrics, Image, Input, Metrics, Model,
    NetworkBuilder, OnnxOutputs, PIXELS, Picture, Recipe, Result, Sizes, Split, TrainingEnd,
};
use tempfile::TempDir;

mod common;
use common::program::{err, out, run};

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

fn device() -> Device {
    Device::open("cpu").unwrap()
}

fn fresh(seed: u64) -> Model {
    Model::new(Sizes::default().network().unwrap(), seed, &device()).unwrap()
}

fn drawn(train: u32, test: u32) -> Dataset {
    Dataset::drawn(1, train, test).unwrap()
}

/// A name for the bits of a file.
fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// Trains with the program and with the library: the files that both save are the same to the last bit.
#[test]
fn one_seed_gives_the_files_of_train() {
    let data = drawn(60_000, 10_000);
    let base = || Recipe { epochs: 2, limit: Some(250), seed: 5, ..Recipe::default() };
    let held_out = Recipe { val_split: "1000".parse().ok(), learning_rate: 3e-2, ..base() };
    let averaged = Recipe { ema: Some(0.9), augment: Augment::LIGHT, ..base() };
    for (recipe, flags, file) in [
        (base(), &[][..], "last.safetensors"),
        // At this rate the first epoch is the better one, or the test says less.
        (held_out, &["--val-split", "1000", "--lr", "0.03"], "best.safetensors"),
        (averaged, &["--ema", "0.9", "--augment", "light"], "averaged.safetensors"),
    ] {
        let folder = TempDir::new().unwrap();
        let train = ["train", "--dataset", "drawn", "--adapter", "cpu", "--out", "run"];
        let same = ["--epochs", "2", "--limit", "250", "--seed", "5"];
        let output = run(folder.path(), &[&train[..], &same, flags].concat());
        assert!(output.status.success(), "{}", err(&output));

        let mut model = fresh(recipe.seed);
        let training = model.train(&data, &recipe, |_| GO_ON).unwrap();
        assert_eq!((training.epochs.len(), training.end), (2, TrainingEnd::Complete));
        let saved = folder.path().join("own.safetensors");
        model.save(&saved).unwrap();
        assert!(bytes(&saved) == bytes(&folder.path().join("run").join(file)), "{file}");
        if file == "last.safetensors" {
            assert!(out(&output).contains(&model.sha256()), "{}", out(&output));
        }

        let again = Model::load(&saved, model.network().clone(), &device()).unwrap();
        assert_eq!(again.sha256(), model.sha256());
        let line = out(&run(
            folder.path(),
            &["eval", "own.safetensors", "--dataset", "drawn", "--adapter", "cpu", "--json"],
        ));
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let test = again.evaluate(&data.test, &Addends::random(recipe.seed, data.test.len())).unwrap();
        assert_eq!(
            (told["loss"].as_f64(), &told["heads"][1]["correct"]),
            (Some(test.loss), &test.heads[1].correct.into())
        );
    }
}

#[test]
fn a_callback_ends_the_training_and_the_epochs_so_far_count() {
    let data = drawn(320, 10);
    let mut seen = Vec::new();
    let mut model = fresh(1);
    let recipe = Recipe { epochs: 9, ..Recipe::default() };
    let training = model.train(&data, &recipe, |epoch| {
        seen.push((epoch.epoch, epoch.train.images));
        if epoch.epoch == 2 { ControlFlow::Break(()) } else { GO_ON }
    });
    let training = training.unwrap();
    assert_eq!(seen, [(1, 320), (2, 320)]);
    assert_eq!((training.end, training.kept, training.epochs.len()), (TrainingEnd::Stopped, 2, 2));
    let mut two = fresh(1);
    two.train(&data, &Recipe { epochs: 2, ..Recipe::default() }, |_| GO_ON).unwrap();
    assert_eq!(model.sha256(), two.sha256());
    // It goes on from these weights.
    let before = model.sha256();
    model.train(&data, &Recipe { epochs: 1, ..Recipe::default() }, |_| GO_ON).unwrap();
    assert_ne!(model.sha256(), before);
}

#[test]
fn the_best_epoch_on_images_of_ones_own_is_kept() {
    let mut data = drawn(640, 10);
    data.validation = data.train.split_off(512);
    let mut earlier = 0;
    for learning_rate in [0.03, 0.3, 3.0] {
        let recipe = Recipe { epochs: 6, learning_rate, patience: Some(6), ..Recipe::default() };
        let (mut model, mut until) = (fresh(2), fresh(2));
        let training = model.train(&data, &recipe, |_| GO_ON).unwrap();
        let losses: Vec<f64> =
            training.epochs.iter().map(|epoch| epoch.validation.as_ref().unwrap().loss).collect();
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(losses[training.kept as usize - 1], least, "{losses:?}");
        // A training that ends with that epoch comes to the same weights.
        until.train(&data, &Recipe { epochs: training.kept, ..recipe }, |_| GO_ON).unwrap();
        assert_eq!(model.sha256(), until.sha256());
        earlier += usize::from(training.kept < 6);
    }
    assert!(earlier > 0, "the last epoch was always the best, which shows nothing");
}

#[test]
fn a_training_that_fails_leaves_the_weights_as_they_were() {
    let mut model = fresh(1);
    let before = model.sha256();
    let wild = Recipe { epochs: 3, learning_rate: 1e30, ..Recipe::default() };
    let error = model.train(&drawn(320, 10), &wild, |_| GO_ON).unwrap_err();
    assert!(matches!(error, Error::Diverged(_)), "{error}");
    assert_eq!(model.sha256(), before);
    model.predict(&Image::new(&[0; PIXELS]).unwrap(), Addend::new(0).unwrap()).unwrap();
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (data, none) = (drawn(64, 10), Split::default());
    let train = |data: &Dataset, recipe: Recipe| fresh(1).train(data, &recipe, |_| GO_ON).unwrap_err();
    let empty = Dataset::new(none.clone(), data.test.clone());
    let both = Dataset { validation: data.test.clone(), ..data.clone() };
    let untested = Dataset::new(data.train.clone(), none.clone());
    let recipe = Recipe::default;
    let small = Sizes { side: 24, ..Sizes::default() }.network().unwrap();
    let test = |images: &Split, count| fresh(1).evaluate(images, &Addends::random(1, count)).unwrap_err();
    for (error, code, words) in [
        (train(&empty, recipe()), 2, "no images to train on"),
        (train(&data, Recipe { batch_size: 9999, ..recipe() }), 2, "batch_size must be at most 4096"),
        (train(&data, Recipe { epochs: 0, ..recipe() }), 2, "epochs must be at least 1"),
        (train(&data, Recipe { patience: Some(2), ..recipe() }), 2, "patience needs images"),
        (train(&both, Recipe { val_split: "10%".parse().ok(), ..recipe() }), 2, "some held out already"),
        (train(&data, Recipe { val_split: "100%".parse().ok(), ..recipe() }), 2, "leaves nothing"),
        (train(&untested, Recipe { eval_interval: Some(1), ..recipe() }), 2, "images to test on"),
        (Model::new(small, 1, &device()).unwrap_err(), 2, "576 pixels"),
        (test(&none, 0), 2, "no images to test on"),
        (test(&data.test, 3), 2, "3 addends were given for 10 images"),
        (Device::open("no such device").unwrap_err(), 3, "no such device"),
        (Device::open(" ").unwrap_err(), 2, "without a name"),
        (Dataset::drawn(1, 60_001, 0).unwrap_err(), 2, "60001 drawn digits"),
        (Dataset::mnist("no folder", |_| ()).unwrap_err(), 4, "no folder"),
        (Picture::read("no picture").unwrap_err(), 4, "no picture"),
        (fresh(1).save("no folder/file").unwrap_err(), 4, "no folder"),
        (Model::load("no file", fresh(1).network().clone(), &device()).unwrap_err(), 4, "no file"),
    ] {
        assert!(error.exit_code() == code && error.to_string().contains(words), "{error}, not {words}");
    }
}

#[test]
fn each_addend_is_tested_and_together_they_are_the_mean() -> Result<()> {
    let (model, data) = (Model::shipped(&device())?, drawn(0, 100));
    let each = model.evaluate_each_addend(&data.test)?;
    let three = model.evaluate(&data.test, &Addends::all(Addend::new(3)?, 100))?;
    assert_eq!((each.len(), &each[3]), (10, &three));
    let all = Metrics::together(&each);
    let right = |test: &Metrics| test.head("sum").map(|HeadMetrics { correct, .. }| *correct);
    let sums = each.iter().map(right).sum::<Result<usize>>()?;
    assert_eq!((all.images, right(&all)?), (1000, sums));
    assert!(all.accuracy("digit")? > 0.8, "{all:?}");
    Ok(())
}

#[test]
fn a_prediction_is_that_of_the_program() -> Result<()> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("one.pgm");
    let bar = |row: usize| {
        if (10..50).contains(&row) {
            [250; 28].into_iter().chain([20; 5]).chain([250; 27])
        } else {
            [250; 28].into_iter().chain([250; 5]).chain([250; 27])
        }
    };
    let grey: Vec<u8> = (0..60).flat_map(bar).collect();
    std::fs::write(&file, [b"P5 60 60 255\n", &grey[..]].concat()).unwrap();
    let output = run(folder.path(), &["predict", "one.pgm", "--number", "4", "--adapter", "cpu", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();

    let mut model = Model::shipped(&device())?;
    let (picture, addend) = (Picture::read(&file)?, Addend::new(4)?);
    let prediction = model.predict(&picture.image, addend)?;
    for head in ["digit", "sum"] {
        let probabilities = &prediction.head(head)?.probabilities;
        assert_eq!(told[format!("{head}_probabilities")], serde_json::to_value(probabilities).unwrap());
    }
    let warnings = [picture.warnings, model.doubts(&prediction, addend)].concat();
    assert_eq!(told["warnings"], serde_json::to_value(warnings).unwrap());
    let error = prediction.head("parity").unwrap_err().to_string();
    assert_eq!(error, "there is no head `parity`: the heads are digit, sum");
    Ok(())
}

#[test]
fn a_model_is_exported_as_the_program_exports_it() {
    let folder = TempDir::new().unwrap();
    let own = folder.path().join("own.onnx");
    Model::shipped(&device()).unwrap().save_onnx(&own, OnnxOutputs::Probabilities).unwrap();
    let output = run(folder.path(), &["export", "--onnx", "its.onnx", "--softmax"]);
    assert!(output.status.success(), "{}", err(&output));
    assert!(bytes(&own) == bytes(&folder.path().join("its.onnx")));
}

#[test]
fn parameters_have_names_and_shapes() {
    let model = fresh(3);
    let parameters = model.parameters();
    let (name, shape, numbers) = parameters[0];
    assert_eq!((name, shape, numbers.len()), ("conv1.weight", &[6, 1, 5, 5][..], 150));
    assert_eq!(parameters.iter().map(|(_, _, numbers)| numbers.len()).sum::<usize>(), 45_709);
    assert!(fresh(3).parameters() == parameters && fresh(4).parameters() != parameters);
}

#[test]
fn other_sizes_and_other_layers_train_on_every_device() {
    let sizes = Sizes { fc1: 32, fc2: 48, ..Sizes::default() }.network().unwrap();
    let mut net = NetworkBuilder::new(&[1, 28, 28]).unwrap();
    let x = net.max_pool("pool", Input::Image, 4).unwrap();
    let x = net.concat("concat", x, Input::Number).unwrap();
    let x = net.linear("out", x, 2).unwrap();
    net.head("parity", x, |digit, addend| (digit + addend) % 2).unwrap();
    let data = drawn(64, 10);
    // What no head reads is allowed, and so are heads that do not look at the image.
    let mut odd = NetworkBuilder::new(&[784]).unwrap();
    odd.relu("unread", Input::Image).unwrap();
    let x = odd.linear("out", Input::Number, 12).unwrap();
    odd.head("digit", x, |digit, _| digit + 2).unwrap();
    let nets = [(sizes, "reference"), (net.finish().unwrap(), "auto"), (odd.finish().unwrap(), "cpu")];
    for (network, name) in nets {
        let device = Device::open(name).unwrap();
        let mut model = Model::new(network, 1, &device).unwrap();
        model.train(&data, &Recipe { epochs: 1, ..Recipe::default() }, |_| GO_ON).unwrap();
        assert_eq!(model.evaluate_each_addend(&data.test).unwrap().len(), 10);
        let (image, addend) = (Image::new(&[9; PIXELS]).unwrap(), Addend::new(9).unwrap());
        let prediction = model.predict(&image, addend).unwrap();
        model.doubts(&prediction, addend);
    }
}

/// As above, through a driver where there is one.
#[test]
fn a_driver_gives_the_bits_of_train_too() {
    let device = Device::open("software").unwrap();
    if device.adapter().backend == "no driver" {
        assert!(std::env::var_os("REQUIRE_GPU").is_none_or(|value| value != "1"), "{:?}", device.messages());
        return;
    }
    let folder = TempDir::new().unwrap();
    let train = ["train", "--dataset", "drawn", "--adapter", "software", "--epochs", "1", "--limit", "100"];
    let told = out(&run(folder.path(), &train));
    let recipe = Recipe { epochs: 1, limit: Some(100), ..Recipe::default() };
    let mut model = Model::new(Sizes::default().network().unwrap(), recipe.seed, &device).unwrap();
    let data = drawn(60_000, 10_000);
    model.train(&data, &recipe, |_| GO_ON).unwrap();
    assert!(told.contains(&model.sha256()), "{told}");
    let test = model.evaluate(&data.test, &Addends::random(1, 10_000)).unwrap();
    assert!(told.contains(&format!("({} and {} of", test.heads[0].correct, test.heads[1].correct)), "{told}");
    let image = Image::new(&data.test.images()[..PIXELS]).unwrap();
    let prediction = model.predict(&image, Addend::new(1).unwrap()).unwrap();
    let sum: f32 = prediction.head("sum").unwrap().probabilities.iter().sum();
    assert!((sum - 1.0).abs() <= 1e-5, "{sum}");
}

#[test]
fn models_can_be_sent_and_devices_shared() {
    fn sent<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    sent::<Model>();
    shared::<Device>();
    let names = Device::names().unwrap();
    assert!(names.iter().any(|name| name.starts_with("cpu: CPU engine")), "{names:?}");
}
