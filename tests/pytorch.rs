//! The reference against PyTorch: the same weights, the same batch, the same numbers.

mod common;

use common::fixture::{BATCH, Fixture, LEARNING_RATE};
use digit_adder::compare::{Tol, close};
use digit_adder::network::{DIGITS, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::reference::gather::{self, Source};
use digit_adder::reference::network::Network;
use digit_adder::reference::{Real, adam, metrics};
use digit_adder::train::Loss;

const LOGITS: Tol = Tol { absolute: 1e-5, relative: 0.0 };
const GRADIENTS: Tol = Tol { absolute: 1e-6, relative: 1e-4 };
const LOSSES: Tol = Tol { absolute: 1e-5, relative: 0.0 };

/// The fixture's batch in `T`, through the reference's own gather.
struct Batch<T> {
    image: Vec<T>,
    number: Vec<T>,
    digit: Vec<u32>,
    sum: Vec<u32>,
}

fn batch<T: Real>(fixture: &Fixture) -> Batch<T> {
    let images = fixture.images();
    let mut batch = Batch {
        image: vec![T::nan(); images.len()],
        number: vec![T::nan(); BATCH * DIGITS],
        digit: vec![u32::MAX; BATCH],
        sum: vec![u32::MAX; BATCH],
    };
    let order: Vec<u32> = (0..BATCH as u32).collect();
    let source = Source { images: &images, labels: &fixture.labels(), addends: &fixture.addends() };
    let Batch { image, number, digit, sum } = &mut batch;
    gather::forward(&order, source, gather::Batch { image, number, digit, sum });
    batch
}

/// Logits and gradients of the first step, and the losses of ten.
fn agrees<T: Real>(loss: Loss) {
    let fixture = Fixture::load();
    let network = Network::new(Sizes::default(), loss);
    let Batch { image, number, digit, sum } = batch::<T>(&fixture);
    let mut w: Vec<T> = fixture.parameters().into_iter().map(|w| T::of(w.wide())).collect();
    let mut m = vec![T::zero(); w.len()];
    let mut v = m.clone();
    let mut losses = Vec::new();
    for step in 1..=10 {
        let pass = network.forward(&w, &image, &number);
        let (of_images, dlogits) = network.loss(&pass, [&digit, &sum], 1.0 / BATCH as f64);
        let gradients = network.backward(&w, &image, &number, &pass, dlogits);
        losses.push(metrics::total_loss(&of_images) / BATCH as f64);
        if step == 1 {
            let [want_digit, want_sum] = fixture.logits();
            close("digit logits", &pass.values.out1, &want_digit, LOGITS).unwrap();
            close("sum logits", &pass.values.out2, &want_sum, LOGITS).unwrap();
            let want = fixture.gradients(loss);
            for ((name, got), (_, want)) in network.named(&gradients.flat).iter().zip(network.named(&want)) {
                close(&format!("gradient of {name}"), got, want, GRADIENTS).unwrap();
            }
        }
        adam::step(&Adam::default(), LEARNING_RATE, step, &gradients.flat, &mut w, &mut m, &mut v);
    }
    close("losses of ten steps", &losses, &fixture.losses(loss), LOSSES).unwrap();
    // In f64 both sides compute the same sums in another order, so far less is forgiven.
    if size_of::<T>() == size_of::<f64>() {
        close("losses of ten steps", &losses, &fixture.losses(loss), Tol::absolute(1e-12)).unwrap();
    }
}

#[test]
fn logits_loss_in_f64() {
    agrees::<f64>(Loss::Logits);
}

#[test]
fn logits_loss_in_f32() {
    agrees::<f32>(Loss::Logits);
}

#[test]
fn double_softmax_loss_in_f64() {
    agrees::<f64>(Loss::DoubleSoftmax);
}

#[test]
fn double_softmax_loss_in_f32() {
    agrees::<f32>(Loss::DoubleSoftmax);
}
