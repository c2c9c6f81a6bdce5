//! Networks other than the published one, written down by a test, train on the layered plan and on the CPU
//! reference, and agree.

mod common;

use std::process::ExitCode;

use common::networks::{a_third_convolution, a_third_head};
use digit_adder::Result;
use digit_adder::data::{Addend, AddendDraw, Addends, Dataset, HeldOut, Image, PIXELS, drawn_digits};
use digit_adder::engine::cpu::CpuEngine;
use digit_adder::engine::gpu::GpuEngine;
use digit_adder::network::Network;
use digit_adder::plans::Kind;
use digit_adder::selftest::comparator::{Tol, close};
use digit_adder::train::{Engine, Epoch, Recipe};

fn main() -> ExitCode {
    common::gpu::conclude(vec![
        common::gpu::trial("a third convolution", |_| trains(&a_third_convolution(), "layer `conv3`")),
        common::gpu::trial("a third head", |_| trains(&a_third_head(), "head `parity`")),
    ])
}

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
