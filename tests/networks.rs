//! Networks other than the published one, written down by a test, train on the layered plan and on the CPU
//! reference, and agree.

mod common;

use std::process::ExitCode;

use digit_adder::Result;
use digit_adder::data::{Addend, AddendDraw, Addends, Dataset, HeldOut, Image, PIXELS, drawn_digits};
use digit_adder::engine::cpu::CpuEngine;
use digit_adder::engine::gpu::GpuEngine;
use digit_adder::network::{Builder, DIGITS, Input, Network, SUMS};
use digit_adder::plans::Kind;
use digit_adder::selftest::comparator::{Tol, close};
use digit_adder::train::{Engine, Epoch, Recipe};

fn main() -> ExitCode {
    common::gpu::conclude(vec![
        common::gpu::trial("a third convolution", |_| trains(&a_third_convolution(), "layer `conv3`")),
        common::gpu::trial("a third head", |_| trains(&a_third_head(), "head `parity`")),
    ])
}

/// A third convolution, of 3 x 3 and without a pooling, on the second's output.
fn a_third_convolution() -> Result<Network> {
    let mut net = Builder::new(&[1, 28, 28])?;
    let x = net.conv2d("conv1", Input::Image, 4, 5)?;
    let x = net.relu("conv1.relu", x)?;
    let x = net.max_pool("pool1", x, 2)?;
    let x = net.conv2d("conv2", x, 8, 3)?;
    let x = net.relu("conv2.relu", x)?;
    let x = net.max_pool("pool2", x, 2)?;
    let x = net.conv2d("conv3", x, 12, 3)?;
    let x = net.relu("conv3.relu", x)?;
    let n = net.linear("fc1", Input::Number, 16)?;
    let n = net.relu("fc1.relu", n)?;
    let x = net.concat("concat", x, n)?;
    let x = net.linear("fc2", x, 48)?;
    let x = net.relu("fc2.relu", x)?;
    let (digit, sum) = (net.linear("out1", x, DIGITS)?, net.linear("out2", x, SUMS)?);
    net.head("digit", digit, |digit, _| digit)?;
    net.head("sum", sum, |digit, addend| digit + addend)?;
    net.finish()
}

/// The published branches, and a third head: whether the sum is odd.
fn a_third_head() -> Result<Network> {
    let mut net = Builder::new(&[1, 28, 28])?;
    let x = net.conv2d("conv1", Input::Image, 6, 5)?;
    let x = net.relu("conv1.relu", x)?;
    let x = net.max_pool("pool1", x, 2)?;
    let x = net.conv2d("conv2", x, 12, 5)?;
    let x = net.relu("conv2.relu", x)?;
    let x = net.max_pool("pool2", x, 2)?;
    let n = net.linear("fc1", Input::Number, 64)?;
    let n = net.relu("fc1.relu", n)?;
    let x = net.concat("concat", x, n)?;
    let x = net.linear("fc2", x, 128)?;
    let x = net.relu("fc2.relu", x)?;
    let x = net.linear("fc3", x, 64)?;
    let x = net.relu("fc3.relu", x)?;
    for (name, layer, classes, target) in HEADS {
        let logits = net.linear(layer, x, classes)?;
        net.head(name, logits, target)?;
    }
    net.finish()
}

type Target = fn(usize, usize) -> usize;
const HEADS: [(&str, &str, usize, Target); 3] = [
    ("digit", "out1", DIGITS, |digit, _| digit),
    ("sum", "out2", SUMS, |digit, addend| digit + addend),
    ("parity", "out3", 2, |digit, addend| (digit + addend) % 2),
];

const IMAGES: usize = 512;

/// Trains a network with both engines: the losses fall, and agree head by head. The fused plan, if asked
/// for, refuses it by name, and the layered one is used.
fn trains(network: &Result<Network>, unknown: &str) -> std::result::Result<(), String> {
    let network = network.as_ref().map_err(ToString::to_string)?;
    let refusal = Kind::Fused.refusal(network).ok_or("the fused plan takes it")?.to_string();
    assert!(refusal.contains(unknown), "no {unknown} in {refusal}");
    let mut dataset: Dataset = drawn_digits(3);
    dataset.train.truncate(IMAGES);
    dataset.test.truncate(100);
    let start = network.initial_parameters(2);
    let (gpu, kernels) = (common::gpu::device()?.clone(), common::gpu::kernels(false));
    let mut results = Vec::new();
    for kind in [Kind::Layered, Kind::Fused] {
        let recipe = Recipe { batch_size: 16, plan: kind, ..Recipe::default() };
        let (gpu, kernels) = (gpu.clone(), kernels.clone());
        let device = GpuEngine::new(gpu, kernels, network.clone(), recipe, start.clone(), &dataset);
        results.push(run(&mut device.map_err(|e| e.to_string())?, network).map_err(|e| e.to_string())?);
    }
    let recipe = Recipe { batch_size: 16, ..Recipe::default() };
    let reference = CpuEngine::new(network.clone(), recipe, start, dataset);
    results.push(run(&mut reference.map_err(|e| e.to_string())?, network).map_err(|e| e.to_string())?);
    let [layered, instead, reference] = results.try_into().map_err(|_| "three runs")?;
    assert!(layered == instead, "where the fused plan is refused, the layered one computes");
    close("losses and probabilities", &layered, &reference, Tol::absolute(2e-4))
        .map_err(|e| e.to_string())?;
    Ok(())
}

/// Two epochs, a test and a prediction: every loss and every probability.
fn run(engine: &mut dyn Engine, network: &Network) -> Result<Vec<f64>> {
    let mut numbers = Vec::new();
    let mut losses = Vec::new();
    for epoch in 0..2 {
        let order = digit_adder::data::order(1, epoch, IMAGES as u32);
        let addends = AddendDraw::Fresh.draw(1, epoch, IMAGES);
        let metrics = engine.train_epoch(&Epoch::new(order, addends, 3e-3)?, &mut |_| {})?;
        losses.push(metrics.loss);
        numbers.extend(metrics.heads.iter().map(|head| head.loss));
    }
    assert!(losses[1] < losses[0] - 0.05, "{losses:?}");
    let test = engine.evaluate(HeldOut::Test, &Addends::all(Addend::new(3)?, 100))?;
    assert_eq!(test.heads.len(), network.heads().len());
    numbers.extend(test.heads.iter().map(|head| head.loss));
    let prediction = engine.predict(&Image::new(&[7; PIXELS])?, Addend::new(9)?)?;
    for (said, head) in prediction.heads.iter().zip(network.heads()) {
        assert_eq!((&said.head, said.probabilities.len()), (&head.name, head.classes));
        numbers.extend(said.probabilities.iter().map(|&p| f64::from(p)));
    }
    Ok(numbers)
}
