//! The checks of what stands around the network in a step: gather, Adam, metrics.

use super::builder::{Builder, once};
use super::check::{Check, Part, Want};
use super::{ending, wide};
use crate::Result;
use crate::compare::Tol;
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops;
use crate::ops::adam::Adam;
use crate::ops::metrics::Heads;
use crate::program::{Shared, Tensor};
use crate::reference;

/// One check of each op at this batch size.
pub fn checks(batch: usize, seed: u32) -> Result<Vec<Check>> {
    Ok(vec![gather(batch, seed), adam(256 * batch.min(33), seed), metrics(batch, seed), add_up(batch, seed)])
}

fn gather(batch: usize, seed: u32) -> Check {
    let sizes = Sizes::default();
    let pixels = sizes.side * sizes.side;
    let count = batch + 5;
    let mut t = Builder::new(batch, &[], seed);
    let images: Vec<u8> = (0..count * pixels).map(|_| t.random.below(256) as u8).collect();
    let [labels, addends] = [0, 1].map(|_| (0..count).map(|_| t.random.below(10) as u8).collect::<Vec<u8>>());
    let order = t.random.permutation(count as u32);
    // The order may end within the batch.
    let (first, real) = (3, ending(batch, seed));
    for (name, buffer, words) in [
        ("cursor", Shared::Cursor, vec![0, first as u32, (first + real) as u32]),
        ("order", Shared::Order, order.clone()),
        ("labels", Shared::Labels, labels.iter().map(|&x| u32::from(x)).collect()),
        ("addends", Shared::Addends, addends.iter().map(|&x| u32::from(x)).collect()),
        ("images", Shared::Images, bytemuck::pod_collect_to_vec(&images)),
    ] {
        t.shared(name, buffer, &words);
    }
    let found = ops::gather::gather(&mut t.tape, &sizes, batch);
    let (mut image, mut number) = (vec![0.0; batch * pixels], vec![0.0; batch * DIGITS]);
    let (mut digit, mut sum) = (vec![0; batch], vec![0; batch]);
    reference::gather::forward(
        &order[first..first + real],
        reference::gather::Source { images: &images, labels: &labels, addends: &addends },
        reference::gather::Batch { image: &mut image, number: &mut number, digit: &mut digit, sum: &mut sum },
    );
    t.want(found.image, image, once());
    t.want(found.number, number, once());
    t.want_words(found.digit, digit);
    t.want_words(found.sum, sum);
    let mut weight = vec![0.0; batch];
    reference::gather::weights(real, &mut weight);
    t.want(found.weight, weight, once());
    t.finish("gather", format!("{batch}"))
}

fn adam(size: usize, seed: u32) -> Check {
    let adam = Adam::default();
    let (learning_rate, step) = (1e-3, 1 + seed);
    let mut t = Builder::new(1, &[], seed);
    let [mut w, mut m, dw] = [0, 1, 2].map(|_| t.values(size));
    let mut v: Vec<f32> = t.values(size).iter().map(|v| v * v).collect();
    // A parameter without a gradient so far: padding, a dead unit.
    (m[0], v[0]) = (0.0, 0.0);
    let rates = adam.rates(learning_rate, step).map(|rate| rate as f32);
    // The rates of the steps before must not be taken.
    t.tape.shared("rates", &[3, 2], Shared::Rates);
    t.shared("rates", Shared::Rates, &[9.0, 9.0, 9.0, 9.0, rates[0], rates[1]]);
    ops::adam::adam(&mut t.tape, size, adam);
    t.shared("cursor", Shared::Cursor, &[2u32, 0, 0]);
    t.shared("gradients", Shared::Gradients, &dw);
    let tensors = [
        t.shared("parameters", Shared::Parameters, &w),
        t.shared("first moments", Shared::FirstMoments, &m),
        t.shared("second moments", Shared::SecondMoments, &v),
    ];
    let mut want = [&mut w, &mut m, &mut v].map(|x| wide(x));
    let [w, m, v] = &mut want;
    reference::adam::step(&adam, learning_rate, step, &wide(&dw), w, m, v);
    // Where v is small the step is large, and its rounding with it.
    let tol = Tol { relative: 4.0 * f64::from(f32::EPSILON), ..once() };
    for (tensor, want) in tensors.into_iter().zip(want) {
        t.want(tensor, want, tol);
    }
    t.finish("adam", format!("{size}, step {step}"))
}

/// The step's record, the third of the epoch, and the cursor behind it.
fn want_record(t: &mut Builder, batch: usize, images: usize, loss: f64, right: [u32; 2]) {
    let end = 11 + images as u32;
    let cursor = t.shared("cursor", Shared::Cursor, &[2u32, 11, end]);
    t.want_words(cursor, vec![3, 11 + batch as u32, end]);
    let record = t.tape.shared("records", &[], Shared::Records);
    let tol = Tol::reduction(batch, 1.0);
    t.want_part("loss", record, Part { at: 6, stride: 3, width: 1 }, Want::Floats(vec![loss], tol));
    t.want_part("right", record, Part { at: 7, stride: 3, width: 2 }, Want::Words(right.to_vec()));
}

fn metrics(batch: usize, seed: u32) -> Check {
    let mut t = Builder::new(batch, &[], seed);
    let [x1, x2] = [DIGITS, SUMS].map(|classes| t.coarse(batch * classes));
    let [loss1, loss2] = [0, 1].map(|_| t.values(batch));
    let [label1, label2] = [DIGITS, SUMS].map(|classes| t.below(batch, classes));
    let input = ops::gather::Batch {
        image: t.tape.tensor("image", &[1]),
        number: t.tape.tensor("number", &[1]),
        digit: t.input("digit", &[batch], &label1),
        sum: t.input("sum", &[batch], &label2),
        weight: t.tape.tensor("weight", &[1]),
    };
    let heads = Heads {
        digit: t.input("digit_x", &[batch, DIGITS], &x1),
        sum: t.input("sum_x", &[batch, SUMS], &x2),
        digit_loss: t.input("digit_loss", &[batch], &loss1),
        sum_loss: t.input("sum_loss", &[batch], &loss2),
    };
    t.tape.shared("records", &[4, 3], Shared::Records);
    ops::metrics::metrics(&mut t.tape, input, heads);
    // What stands behind the end of the order must not be counted.
    let images = ending(batch, seed);
    let [loss1, loss2] = [&loss1[..images], &loss2[..images]];
    let loss = (reference::metrics::total_loss(loss1) + reference::metrics::total_loss(loss2)) / 2.0;
    let right = [(&x1, &label1, DIGITS), (&x2, &label2, SUMS)]
        .map(|(x, label, classes)| reference::metrics::right(&x[..images * classes], &label[..images]));
    want_record(&mut t, batch, images, loss, right.map(|right| right as u32));
    t.finish("metrics", format!("{batch}"))
}

fn add_up(batch: usize, seed: u32) -> Check {
    let mut t = Builder::new(batch, &[], seed);
    let loss = t.values(batch);
    let [right1, right2] = [0, 1].map(|_| t.below(batch, 2));
    // What stands behind the batch must not be counted.
    let mut words = vec![7u32; 3 * batch.next_multiple_of(16)];
    for (b, words) in words.chunks_exact_mut(3).take(batch).enumerate() {
        words.copy_from_slice(&[loss[b].to_bits(), right1[b], right2[b]]);
    }
    let outcomes: Tensor = t.input("outcomes", &[words.len() / 3, 3], &words);
    t.tape.shared("records", &[4, 3], Shared::Records);
    ops::metrics::add_up(&mut t.tape, batch, outcomes);
    let right = [right1, right2].map(|right| right.iter().sum());
    want_record(&mut t, batch, batch, reference::metrics::total_loss(&loss), right);
    t.finish("metrics", format!("{batch}, judged already"))
}
