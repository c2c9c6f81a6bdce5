//! `export --onnx` against ONNX's own checker and ONNX Runtime, where Python has both.
//!
//! `PYTHON` names the interpreter, `python3` where it is not set. Without the packages the tests are shown as ignored;
//! with `REQUIRE_ONNX=1` they fail.

#[path = "../common/mod.rs"]
mod common;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

use common::networks::{a_third_convolution, a_third_head, odd};
use common::program::{err, out};
use digit_adder::data::{Request, Split, Wanted, load};
use digit_adder::network::{DIGITS, Network, Sizes};
use digit_adder::onnx::{Outputs, to_bytes};
use digit_adder::ops::softmax::Softmax;
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::{network::forward, softmax};
use digit_adder::selftest::comparator::{Tol, worst};
use digit_adder::train::model_file::{self, Model};
use libtest_mimic::{Arguments, Trial};
use rayon::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

/// How far a logit may be from the reference's, and how much further for each unit of its row's largest: all of a row
/// are sums over the same numbers, and both sides round in `f32`. In the test set the largest are 300.
const TOLERANCE: f64 = 1e-5;
const ROUNDING: f64 = 1e-6;

fn main() -> ExitCode {
    let required = std::env::var("REQUIRE_ONNX").is_ok_and(|value| value == "1");
    match runtime() {
        Ok(versions) => println!("{versions}"),
        Err(reason) => eprintln!("the tests that need onnx and onnxruntime are ignored: {reason}"),
    }
    let trial = |name: &str, run: fn() -> Result<(), String>| {
        let checked = move || {
            runtime()?;
            Ok(run()?)
        };
        Trial::test(name, checked).with_ignored_flag(!required && runtime().is_err())
    };
    let trials = vec![
        trial("the test set with each addend", the_test_set),
        trial("probabilities", probabilities),
        trial("a third convolution", || agrees(&a_third_convolution().map_err(|e| e.to_string())?)),
        trial("a third head", || agrees(&a_third_head().map_err(|e| e.to_string())?)),
        trial("an odd network", || agrees(&odd().map_err(|e| e.to_string())?)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The versions of what Python has, or why it has not.
fn runtime() -> Result<&'static str, String> {
    static VERSIONS: OnceLock<Result<String, String>> = OnceLock::new();
    let last_line = |error: String| error.lines().last().unwrap_or_default().to_string();
    VERSIONS.get_or_init(|| python(&[]).map_err(last_line)).as_deref().map_err(Clone::clone)
}

fn python(arguments: &[&Path]) -> Result<String, String> {
    let interpreter = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnxruntime/run.py");
    let output = Command::new(&interpreter).arg(script).args(arguments).output();
    let output = output.map_err(|error| format!("{interpreter}: {error}"))?;
    match output.status.success() {
        true => Ok(out(&output).trim().into()),
        false => Err(err(&output).trim().into()),
    }
}

/// What is given to both: images, and for each of one or several rounds of them the numbers.
struct Given {
    images: Vec<f32>,
    numbers: Vec<f32>,
}

/// The outputs of a file in ONNX Runtime, in the order of the heads.
fn outputs(file: &[u8], network: &Network, given: &Given) -> Vec<Vec<f32>> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("model.onnx"), file).unwrap();
    for (name, values) in [("image.f32", &given.images), ("number.f32", &given.numbers)] {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    python(&[folder.path()]).unwrap_or_else(|error| panic!("{error}"));
    let read = |name: &str| {
        let bytes = std::fs::read(folder.path().join(format!("{name}.f32"))).unwrap();
        bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
    };
    network.heads().iter().map(|head| read(&head.name)).collect()
}

/// The logits of the reference, in the order of the heads.
fn reference(network: &Network, flat: &[f32], given: &Given) -> Vec<Vec<f32>> {
    let pixels = network.pixels();
    let images = given.images.len() / pixels;
    let of_image = |(row, number): (usize, &[f32])| {
        let image = &given.images[row % images * pixels..][..pixels];
        let values = forward(network, flat, image, number).values;
        network.heads().iter().map(|head| values[head.logits].clone()).collect::<Vec<_>>()
    };
    let rows: Vec<_> = given.numbers.par_chunks_exact(DIGITS).enumerate().map(of_image).collect();
    (0..network.heads().len()).map(|head| rows.iter().flat_map(|row| row[head].clone()).collect()).collect()
}

/// Compares row by row, and tells how far they are apart at most.
fn compared(network: &Network, got: &[Vec<f32>], want: &[Vec<f32>]) -> Result<(), String> {
    for ((head, got), want) in network.heads().iter().zip(got).zip(want) {
        assert_eq!(got.len(), want.len(), "{}", head.name);
        let (mut apart, mut beyond, mut share) = (0.0f64, 0, 0.0f64);
        for (got, want) in got.chunks(head.classes).zip(want.chunks(head.classes)) {
            let largest = want.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
            let tolerance = Tol::absolute(TOLERANCE + ROUNDING * f64::from(largest));
            let used = worst(&head.name, got, want, tolerance).map_err(|e| e.to_string())?;
            (apart, share) = (apart.max(used.error), share.max(used.share));
            beyond +=
                got.iter().zip(want).filter(|(got, want)| f64::from(*got - *want).abs() > TOLERANCE).count();
        }
        let (name, numbers) = (&head.name, got.len());
        println!(
            "{name}: {numbers} numbers, {beyond} of them more than {TOLERANCE:.0e} apart, the worst {apart:.2e}, \
             and {share:.2} of what it may be"
        );
    }
    Ok(())
}

fn one_hot(numbers: impl Iterator<Item = usize>) -> Vec<f32> {
    numbers.flat_map(|number| (0..DIGITS).map(move |place| f32::from(u8::from(place == number)))).collect()
}

fn random(network: &Network) -> Given {
    let mut random = Random::new(3, Purpose::Drawing, 0);
    let images = (0..401 * network.pixels()).map(|_| random.between(0.0, 1.0)).collect();
    Given { images, numbers: one_hot((0..401).map(|row| row % DIGITS)) }
}

/// Fresh weights, images of noise.
fn agrees(network: &Network) -> Result<(), String> {
    let (model, given) = (Model { parameters: network.initial_parameters(4), about: None }, random(network));
    let file = to_bytes(network, &model, Outputs::Logits).map_err(|e| e.to_string())?;
    compared(network, &outputs(&file, network, &given), &reference(network, &model.parameters, &given))
}

fn shipped() -> (Network, Model) {
    let network = Sizes::default().network().unwrap();
    let model = model_file::shipped(&network).unwrap();
    (network, model)
}

fn probabilities() -> Result<(), String> {
    let (network, model) = shipped();
    let given = random(&network);
    let file = to_bytes(&network, &model, Outputs::Probabilities).map_err(|e| e.to_string())?;
    let mut want = reference(&network, &model.parameters, &given);
    for (values, head) in want.iter_mut().zip(network.heads()) {
        let logits = values.clone();
        softmax::forward(
            &Softmax { batch: logits.len() / head.classes, classes: head.classes },
            &logits,
            values,
        );
    }
    compared(&network, &outputs(&file, &network, &given), &want)
}

/// The weights that ship, with MNIST's test set where `MNIST_DIR` names it and else the drawn digits': the logits, and
/// the right answers for each addend, which are those of `eval --all-addends`.
fn the_test_set() -> Result<(), String> {
    let (network, model) = shipped();
    let is_mnist = std::env::var_os("MNIST_DIR").is_some();
    let (wanted, name) = if is_mnist { (Wanted::Mnist, "mnist") } else { (Wanted::Drawn, "drawn") };
    let request = Request { wanted, seed: 1, ..Request::default() };
    let test = load(&request, &mut |_| {}).map_err(|e| e.to_string())?.test;
    let images = test.images().iter().map(|&grey| f32::from(grey) / 255.0).collect();
    let numbers = one_hot((0..DIGITS).flat_map(|addend| std::iter::repeat_n(addend, test.len())));
    let given = Given { images, numbers };
    let file = to_bytes(&network, &model, Outputs::Logits).map_err(|e| e.to_string())?;
    let got = outputs(&file, &network, &given);
    let right = right(&network, &got, &test);
    println!("{name}: right answers of {} for each addend and head {right:?}", test.len());
    assert_eq!(right, of_eval(&network, name));
    compared(&network, &got, &reference(&network, &model.parameters, &given))
}

/// Right answers for each addend and head.
fn right(network: &Network, logits: &[Vec<f32>], test: &Split) -> Vec<Vec<u64>> {
    let of_addend = |addend: usize, head: usize| {
        let classes = network.heads()[head].classes;
        let rows = logits[head].chunks_exact(classes).skip(addend * test.len());
        let is_right = |&(&digit, row): &(&u8, &[f32])| {
            let likeliest = (0..classes).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            network.heads()[head].target(digit, addend as u8) as usize == likeliest
        };
        test.labels().iter().zip(rows).filter(is_right).count() as u64
    };
    let heads = 0..network.heads().len();
    (0..DIGITS).map(|addend| heads.clone().map(|head| of_addend(addend, head)).collect()).collect()
}

/// The same as `eval --all-addends` tells them.
fn of_eval(network: &Network, dataset: &str) -> Vec<Vec<u64>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
    command.args(["eval", "--all-addends", "--json", "--adapter", "cpu", "--dataset", dataset]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    let report: Value = serde_json::from_str(&out(&output)).unwrap();
    let tests = report["addends"].as_array().unwrap().iter();
    let heads = 0..network.heads().len();
    tests
        .map(|test| heads.clone().map(|head| test["heads"][head]["correct"].as_u64().unwrap()).collect())
        .collect()
}
