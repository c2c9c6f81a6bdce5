//! The reference against PyTorch: the same weights, the same batch, the same numbers.

mod common;

use common::fixture::{ADAMW, BATCH, Fixture, LEARNING_RATE, SMOOTHING};
use digit_adder::data::{Augment, PIXELS};
use digit_adder::network::Loss;
use digit_adder::ops::adam::Adam;
use digit_adder::reference::gather::{self, Batch, Examples};
use digit_adder::reference::network::{Pass, backward, forward, losses, named_parameters};
use digit_adder::reference::{Real, adam, augment, metrics};
use digit_adder::selftest::comparator::{Tol, close};

const LOGITS: Tol = Tol { absolute: 1e-5, relative: 0.0 };
const GRADIENTS: Tol = Tol { absolute: 1e-6, relative: 1e-4 };
/// As in the script.
const LIGHT: Augment = Augment { rotation: 12.0, scale: 0.1, shear: 0.15, shift: 2.0, elastic: 0.0 };
const LOSSES: Tol = Tol { absolute: 1e-5, relative: 0.0 };

/// Logits and gradients of the first step, and the losses of ten steps of Adam.
fn agrees<T: Real>(loss: Loss) {
    let (fixture, network) = (Fixture::load(), Fixture::network());
    let means = train::<T>(&fixture, loss, &Adam::default(), |step, pass, flat| {
        if step > 1 {
            return;
        }
        for (head, want) in network.heads().iter().zip(fixture.logits()) {
            close(&head.name, &pass.values[head.logits], &want, LOGITS).unwrap();
        }
        let want = fixture.gradients(loss);
        for ((name, got), (_, want)) in
            named_parameters(&network, flat).iter().zip(named_parameters(&network, &want))
        {
            close(&format!("gradient of {name}"), got, want, GRADIENTS).unwrap();
        }
    });
    same_losses::<T>(&means, &fixture.losses(loss));
}

/// AdamW with a limited norm: the norms and losses of ten steps.
fn agrees_decayed_and_clipped<T: Real>() {
    let [weight_decay, max] = ADAMW;
    let adam = Adam { weight_decay, clip_norm: Some(max), ..Adam::default() };
    let (fixture, mut norms) = (Fixture::load(), Vec::new());
    let means = train::<T>(&fixture, Loss::Logits, &adam, |_, _, flat| {
        norms.push(flat.iter().map(|dw| dw.wide() * dw.wide()).sum::<f64>().sqrt());
    });
    let [losses, want] = fixture.losses_and_norms();
    assert!(want.iter().any(|&norm| norm < max) && want.iter().any(|&norm| norm > 2.0 * max), "{want:?}");
    close("norms of ten steps", &norms, &want, LOSSES).unwrap();
    same_losses::<T>(&means, &losses);
}

/// Adam against smoothed labels, by the losses against the labels themselves.
fn agrees_smoothed<T: Real>() {
    let fixture = Fixture::load();
    let means = train::<T>(&fixture, Loss::Smoothed(SMOOTHING), &Adam::default(), |_, _, _| {});
    same_losses::<T>(&means, &fixture.losses_of_smoothed());
}

fn same_losses<T>(got: &[f64], want: &[f64]) {
    close("losses of ten steps", got, want, LOSSES).unwrap();
    // In f64 both sides compute the same sums in a different order, so far less is allowed.
    if size_of::<T>() == size_of::<f64>() {
        close("losses of ten steps", got, want, Tol::absolute(1e-12)).unwrap();
    }
}

/// The mean losses of ten steps, each before its update; `seen` receives each step's pass and flat gradients.
fn train<T: Real>(
    fixture: &Fixture,
    loss: Loss,
    adam: &Adam,
    mut seen: impl FnMut(u32, &Pass<T>, &[T]),
) -> Vec<f64> {
    let network = Fixture::network();
    let (images, labels, addends) = (fixture.images(), fixture.labels(), fixture.addends());
    let examples = Examples { images: &images, labels: &labels, addends: &addends };
    let order: Vec<u32> = (0..BATCH as u32).collect();
    let Batch { image, number, targets } = gather::forward::<T>(&order, BATCH, examples, network.heads());
    let mut weight = vec![T::zero(); BATCH];
    gather::weights(BATCH, network.heads().len(), &mut weight);
    let mut w: Vec<T> = fixture.parameters().into_iter().map(|w| T::of(w.wide())).collect();
    let mut m = vec![T::zero(); w.len()];
    let mut v = m.clone();
    let mut means = Vec::new();
    for step in 1..=10 {
        let pass = forward(&network, &w, &image, &number);
        let losses = losses(&network, loss, &pass, &targets, &weight);
        let gradients = backward(&network, &w, [&image, &number], &pass, &losses.d_logits);
        let of_heads = losses.of_heads.iter().map(|loss| metrics::total_loss(loss) / BATCH as f64);
        means.push(of_heads.sum::<f64>() / network.heads().len() as f64);
        seen(step, &pass, &gradients.flat);
        adam::step(adam, LEARNING_RATE, step, &gradients.flat, &mut w, &mut m, &mut v);
    }
    means
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

#[test]
fn decayed_and_clipped_in_f64() {
    agrees_decayed_and_clipped::<f64>();
}

#[test]
fn decayed_and_clipped_in_f32() {
    agrees_decayed_and_clipped::<f32>();
}

/// The changes that `tests/fixtures/pytorch.py` makes with `affine_grid` and `grid_sample`.
fn changes_images_as_grid_sample<T: Real>() {
    let (fixture, images) = (Fixture::load(), Fixture::load().images());
    let most = Augment { rotation: 45.0, scale: 0.9, shear: 1.0, shift: 28.0, elastic: 28.0 };
    let bent = Augment { elastic: 4.0, ..Augment::NONE };
    for (name, amount) in [("light", LIGHT), ("bent", bent), ("most", most)] {
        let changed = (1000..)
            .zip(images.chunks(PIXELS))
            .flat_map(|(n, image)| augment::forward::<T>(&amount, image, n, [0x9e37_79b9, 0x7f4a_7c15]));
        let grey: Vec<T> = changed.map(|grey| grey / T::of(255.0)).collect();
        close(name, &grey, &fixture.augmented(name), Tol::absolute(1e-5)).unwrap();
    }
}

#[test]
fn augment_in_f64() {
    changes_images_as_grid_sample::<f64>();
}

#[test]
fn augment_in_f32() {
    changes_images_as_grid_sample::<f32>();
}

#[test]
fn smoothed_labels_in_f64() {
    agrees_smoothed::<f64>();
}

#[test]
fn smoothed_labels_in_f32() {
    agrees_smoothed::<f32>();
}
