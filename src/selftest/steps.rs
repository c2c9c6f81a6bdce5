//! The checks of what stands around the network in a step: gather, Adam, metrics.

use super::builder::{Builder, once};
use super::check::{Check, POISON, Part, Want};
use super::{ending, wide};
use crate::Result;
use crate::compare::Tol;
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops;
use crate::ops::adam::Adam;
use crate::ops::metrics::Heads;
use crate::program::{Cursor, Shared};
use crate::reference;

/// One check of each op at this batch size.
pub fn checks(batch: usize, seed: u32) -> Result<Vec<Check>> {
    let size = 256 * batch.min(33);
    Ok(vec![
        gather(batch, seed),
        adam(size, [0, 0], seed)?,
        adam(size, [1 + batch % 300, size / 2 - 4 * (seed as usize % 16)], seed)?,
        metrics(batch, seed),
    ])
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
    t.stand_at(first, real);
    for (name, buffer, words) in [
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

/// The gradients of the first `summed` parameters are still in so many slots.
fn adam(size: usize, [slots, summed]: [usize; 2], seed: u32) -> Result<Check> {
    let adam = Adam::default();
    let (learning_rate, step) = (1e-3, 1 + seed);
    let mut t = Builder::new(1, &[], seed);
    let [mut w, mut m, mut dw] = [0, 1, 2].map(|_| t.values(size));
    let mut v: Vec<f32> = t.values(size).iter().map(|v| v * v).collect();
    // A parameter without a gradient so far: padding, a dead unit.
    (m[0], v[0]) = (0.0, 0.0);
    let rates = adam.rates(learning_rate, step).map(|rate| rate as f32);
    t.cursor = Cursor { step_size: rates[0], step_root: rates[1], ..t.cursor };
    // What the slots hold takes the place of what stands in the gradients.
    dw[..summed].fill(f32::from_bits(POISON));
    t.shared("gradients", Shared::Gradients, &dw);
    let partial = (slots > 0).then(|| {
        let values: Vec<f32> = t.values(slots * summed).iter().map(|value| value / slots as f32).collect();
        let mut sum = vec![0.0; summed];
        reference::batch_sum::forward(&wide(&values), &mut sum);
        (t.input("partial", &[slots, summed], &values), sum)
    });
    ops::adam::adam(&mut t.tape, size, adam, partial.as_ref().map(|(partial, _)| *partial))?;
    let mut dw = wide(&dw);
    if let Some((_, sum)) = &partial {
        dw[..summed].copy_from_slice(sum);
    }
    let tensors = [
        t.shared("parameters", Shared::Parameters, &w),
        t.shared("first moments", Shared::FirstMoments, &m),
        t.shared("second moments", Shared::SecondMoments, &v),
    ];
    let mut want = [&mut w, &mut m, &mut v].map(|x| wide(x));
    let [w, m, v] = &mut want;
    reference::adam::step(&adam, learning_rate, step, &dw, w, m, v);
    // Where v is small the step is large, and its rounding with it.
    let tol = Tol { relative: 4.0 * f64::from(f32::EPSILON), ..once() };
    for (tensor, want) in tensors.into_iter().zip(want) {
        t.want(tensor, want, tol);
    }
    let apart = if slots > 0 { format!(", {summed} in {slots} slots") } else { String::new() };
    Ok(t.finish("adam", format!("{size}, step {step}{apart}")))
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
    // What stands behind the end of the order leaves no record.
    let (first, images) = (11, ending(batch, seed));
    t.stand_at(first, images);
    let records = t.tape.shared("records", &[first + batch + 2, 3], Shared::Records);
    ops::metrics::metrics(&mut t.tape, input, heads);
    let loss: Vec<f64> = wide(&loss1).iter().zip(wide(&loss2)).map(|(a, b)| (a + b) / 2.0).collect();
    let right = (0..images).flat_map(|b| {
        [(&x1, &label1, DIGITS), (&x2, &label2, SUMS)].map(|(x, label, classes)| {
            u32::from(reference::metrics::argmax(&x[b * classes..][..classes]) == label[b] as usize)
        })
    });
    let right = right.collect();
    let of_each = |word: usize, width: usize| Part { at: 3 * first + word, stride: 3, width };
    t.want_part("loss", records, of_each(0, 1), Want::Floats(loss[..images].to_vec(), once()));
    t.want_part("right", records, of_each(1, 2), Want::Words(right));
    t.finish("metrics", format!("{batch}"))
}
