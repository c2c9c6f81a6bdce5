//! The network in another runtime: what is given to both, what the reference says, and how far they may be apart.

use std::path::Path;
use std::process::Command;

use digit_adder::data::{Request, Split, Wanted, load};
use digit_adder::network::{DIGITS, Network, Sizes};
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::network::forward;
use digit_adder::selftest::comparator::{Tol, worst};
use digit_adder::train::model_file::{self, Model};
use rayon::prelude::*;
use serde_json::Value;

use super::program::{err, out};

/// How far a logit may be from the reference's, and how much further for each unit of its row's largest: all of a row
/// are sums over the same numbers, and both sides round in `f32`. In the test set the largest are 300.
const TOLERANCE: f64 = 1e-5;
const ROUNDING: f64 = 1e-6;

/// Runs a script of `tests/` with the interpreter that `PYTHON` names.
pub fn python(script: &str, arguments: &[&Path]) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    finished(interpreter().arg(script).args(arguments))
}

/// The interpreter that `PYTHON` names.
pub fn interpreter() -> Command {
    Command::new(std::env::var("PYTHON").unwrap_or_else(|_| "python3".into()))
}

/// What a command printed, or what it said when it failed.
pub fn finished(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    match output.status.success() {
        true => Ok(out(&output).trim().into()),
        false => Err(err(&output).trim().into()),
    }
}

/// What is given to both: images, and for each of one or several rounds of them the numbers.
pub struct Given {
    pub images: Vec<f32>,
    pub numbers: Vec<f32>,
}

impl Given {
    /// 401 images of noise.
    pub fn random(network: &Network) -> Self {
        let mut random = Random::new(3, Purpose::Drawing, 0);
        let images = (0..401 * network.pixels()).map(|_| random.between(0.0, 1.0)).collect();
        Self { images, numbers: one_hot((0..401).map(|row| row % DIGITS)) }
    }

    /// The images of a split, with each addend.
    pub fn every_addend(split: &Split) -> Self {
        let numbers = one_hot((0..DIGITS).flat_map(|addend| std::iter::repeat_n(addend, split.len())));
        Self { images: grey(split.images()), numbers }
    }

    /// Leaves both to a script, in files of `f32`.
    pub fn write(&self, folder: &Path) {
        for (name, values) in [("image.f32", &self.images), ("number.f32", &self.numbers)] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

/// What a script wrote, in the order of the heads.
pub fn written(folder: &Path, network: &Network) -> Vec<Vec<f32>> {
    let read = |name: &str| {
        let bytes = std::fs::read(folder.join(format!("{name}.f32"))).unwrap();
        bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
    };
    network.heads().iter().map(|head| read(&head.name)).collect()
}

pub fn grey(pixels: &[u8]) -> Vec<f32> {
    pixels.iter().map(|&grey| f32::from(grey) / 255.0).collect()
}

pub fn one_hot(numbers: impl Iterator<Item = usize>) -> Vec<f32> {
    numbers.flat_map(|number| (0..DIGITS).map(move |place| f32::from(u8::from(place == number)))).collect()
}

/// The logits of the reference, in the order of the heads.
pub fn reference(network: &Network, flat: &[f32], given: &Given) -> Vec<Vec<f32>> {
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
pub fn compared(network: &Network, got: &[Vec<f32>], want: &[Vec<f32>]) -> Result<(), String> {
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

/// The weights that ship.
pub fn shipped() -> (Network, Model) {
    let network = Sizes::default().network().unwrap();
    let model = model_file::shipped(&network).unwrap();
    (network, model)
}

/// MNIST's test set where `MNIST_DIR` names it, and else the drawn digits', with its name for `--dataset`.
pub fn test_set() -> Result<(Split, &'static str), String> {
    let is_mnist = std::env::var_os("MNIST_DIR").is_some();
    let (wanted, name) = if is_mnist { (Wanted::Mnist, "mnist") } else { (Wanted::Drawn, "drawn") };
    let request = Request { wanted, seed: 1, ..Request::default() };
    Ok((load(&request, &mut |_| {}).map_err(|e| e.to_string())?.test, name))
}

/// Holds logits of the weights that ship, for the test set with each addend, to the reference's, and the right answers
/// for each addend to those that `eval --all-addends` tells.
pub fn compared_on_the_test_set(
    network: &Network,
    model: &Model,
    (test, name): (&Split, &str),
    got: &[Vec<f32>],
) -> Result<(), String> {
    let right = right(network, got, test);
    println!("{name}: right answers of {} for each addend and head {right:?}", test.len());
    assert_eq!(right, of_eval(network, name));
    compared(network, got, &reference(network, &model.parameters, &Given::every_addend(test)))
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
