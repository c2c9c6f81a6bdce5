//! The checks of what surrounds the network in a step: gather, the limit of the norm, Adam, metrics.

use super::builder::{Builder, once};
use super::check::{Check, POISON, Part, Want};
use super::comparator::Tol;
use super::{ending, wide};
use crate::Result;
use crate::data::{Augment, PIXELS};
use crate::network::{DIGITS, Sizes};
use crate::ops;
use crate::ops::adam::Adam;
use crate::ops::metrics::Metrics;
use crate::program::{ALIGN, Cursor, Parameter, Record, Shared};
use crate::random::{Purpose, Random};
use crate::reference;

/// What the scale of the gradients may be off by, in roundings.
const SCALE: f64 = 16.0;

/// What a grey value may be off by before it is rounded: where pixels differ by up to 255, places are off by
/// roundings of some tens.
const GREY: f64 = 0.02;

/// One check of each op at this batch size.
pub(super) fn checks(batch: usize, seed: u32) -> Result<Vec<Check>> {
    let size = 256 * batch.min(33);
    let parts = [1 + batch % 300, size / 2 - 4 * (seed as usize % 16)];
    let averaged = Adam { ema: Some(0.9), ..Adam::default() };
    let decayed = Adam { weight_decay: 3.0, ..Adam::default() };
    let clipped = Adam { clip_norm: Some(2.0), ..decayed };
    Ok(vec![
        gather(batch, seed)?,
        augment(batch, seed)?,
        clip_norm(seed)?,
        adam(size, [0, 0], seed, Adam::default())?,
        adam(size, [0, 0], seed, averaged)?,
        adam(size, parts, seed, averaged)?,
        adam(size, parts, seed, decayed)?,
        adam(size, if seed.is_multiple_of(2) { parts } else { [0, 0] }, seed, clipped)?,
        metrics(batch, seed)?,
    ])
}

/// Every number at its most, or at zero, or between.
fn augment(batch: usize, seed: u32) -> Result<Check> {
    let most = Augment { rotation: 45.0, scale: 0.9, shear: 1.0, shift: 28.0, elastic: 28.0 };
    let amount = [Augment::FULL, Augment::LIGHT, most, Augment::NONE][seed as usize / 3 % 4];
    let count = batch + 5;
    let mut t = Builder::new(batch, &[], seed);
    let originals: Vec<u8> = (0..count * PIXELS).map(|_| t.random.below(256) as u8).collect();
    let order = t.random.permutation(count as u32);
    let key = t.random.key();
    let (first, real) = (3, ending(batch, seed));
    t.stand_at(first, real);
    t.shared(Shared::Order, &order);
    t.shared(Shared::Key, &key);
    t.shared(Shared::Originals, &bytemuck::pod_collect_to_vec::<u8, u32>(&originals));
    let words = PIXELS / 4;
    let images = t.tape.shared(&[count, words], Shared::Images);
    ops::augment::augment(&mut t.tape, &amount, batch);
    for &n in &order[first..first + real] {
        let at = n as usize * words;
        let original = &originals[n as usize * PIXELS..][..PIXELS];
        let want = reference::augment::forward(&amount, original, n, key);
        t.want_part(
            "images",
            images,
            Part { at, ..Part::whole(words) },
            Want::Bytes(want, Tol::absolute(GREY)),
        );
    }
    Ok(t.finish("augment", format!("{batch}, {amount}")))
}

fn gather(batch: usize, seed: u32) -> Result<Check> {
    let network = Sizes::default().network()?;
    let count = batch + 5;
    let mut t = Builder::new(batch, &[], seed);
    let images: Vec<u8> = (0..count * network.pixels()).map(|_| t.random.below(256) as u8).collect();
    let [labels, addends] = [0, 1].map(|_| (0..count).map(|_| t.random.below(10) as u8).collect::<Vec<u8>>());
    let order = t.random.permutation(count as u32);
    // The order may end within the batch.
    let (first, real) = (3, ending(batch, seed));
    t.stand_at(first, real);
    let words = |bytes: &[u8]| bytes.iter().map(|&x| u32::from(x)).collect::<Vec<_>>();
    t.shared(Shared::Order, &order);
    t.shared(Shared::Labels, &words(&labels));
    t.shared(Shared::Addends, &words(&addends));
    t.shared(Shared::Images, &bytemuck::pod_collect_to_vec::<u8, u32>(&images));
    let found = ops::gather::gather(&mut t.tape, &network, batch);
    let examples = reference::gather::Examples { images: &images, labels: &labels, addends: &addends };
    let heads = network.heads();
    let want = reference::gather::forward(&order[first..first + real], batch, examples, heads);
    t.want(found.image, want.image, once());
    t.want(found.number, want.number, once());
    for (target, want) in found.targets.iter().zip(want.targets) {
        t.want_words(*target, want);
    }
    let mut weight = vec![0.0; batch];
    reference::gather::weights(real, heads.len(), &mut weight);
    t.want(found.weight, weight, once());
    Ok(t.finish("gather", format!("{batch}")))
}

/// Gradients of three parameters, with anything in the padding behind each, beyond the limit or within it.
fn clip_norm(seed: u32) -> Result<Check> {
    let random = &mut Random::new(3, Purpose::Test, seed);
    let mut parameters = Vec::new();
    for (name, most) in [("a", 150), ("b", 40_000), ("c", 150)] {
        Parameter::place(&mut parameters, name, &[1 + random.below(most) as usize], 1);
    }
    let size = parameters[2].range().end.next_multiple_of(ALIGN) + ALIGN * (seed as usize % 3);
    let mut t = Builder::on(&parameters, 1, seed);
    let (times, unit, what) = [
        (0.5, 1.0, "beyond"),
        (2.0, 1.0, "within"),
        // So small that what is added to the norm counts.
        (0.5, 1e-7, "tiny, beyond"),
    ][(seed as usize / 3 + seed as usize) % 3];
    let mut dw = vec![f32::from_bits(POISON); size];
    for parameter in &parameters {
        let values = t.values(parameter.len());
        dw[parameter.range()].iter_mut().zip(values).for_each(|(dw, value)| *dw = unit * value);
    }
    t.shared(Shared::Gradients, &dw);
    let dw: Vec<f64> = parameters.iter().flat_map(|parameter| wide(&dw[parameter.range()])).collect();
    let max = f64::from((times * dw.iter().map(|dw| dw * dw).sum::<f64>().sqrt()) as f32);
    let scale = ops::clip_norm::clip_norm(&mut t.tape, size, max)?;
    // Sums of squares, whose rounding errors the root halves.
    let tol = Tol { absolute: 0.0, relative: SCALE * f64::from(f32::EPSILON) };
    t.want(scale, vec![reference::clip_norm::scale(max, &dw)], tol);
    Ok(t.finish("clip_norm", format!("{size}, {what}")))
}

/// The gradients of the first `summed` parameters are still in `slots` slots.
fn adam(size: usize, [slots, summed]: [usize; 2], seed: u32, adam: Adam) -> Result<Check> {
    let (learning_rate, step) = (1e-3, 1 + seed);
    let mut t = Builder::new(1, &[("all", &[size])], seed);
    let [mut w, mut m, mut dw] = [0, 1, 2].map(|_| t.values(size));
    let mut v: Vec<f32> = t.values(size).iter().map(|v| v * v).collect();
    // A parameter without a gradient so far: padding, a dead unit.
    (m[0], v[0]) = (0.0, 0.0);
    let [step_size, step_root, decay, blend] = adam.rates(learning_rate, step).map(|rate| rate as f32);
    t.cursor = Cursor { step_size, step_root, decay, blend, ..t.cursor };
    // What the slots hold replaces what is in the gradients.
    dw[..summed].fill(f32::from_bits(POISON));
    let gradients = t.shared(Shared::Gradients, &dw);
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
        if adam.clip_norm.is_some() {
            t.want_sum(gradients, dw.clone(), 1);
        }
    }
    // Drawn last: the rest is the same without one.
    let average = adam.ema.map(|_| t.values(size));
    let mut tensors = vec![
        t.shared(Shared::Parameters, &w),
        t.shared(Shared::FirstMoments, &m),
        t.shared(Shared::SecondMoments, &v),
    ];
    tensors.extend(average.as_ref().map(|average| t.shared(Shared::Average, average)));
    let mut want = [&mut w, &mut m, &mut v].map(|x| wide(x));
    let [w, m, v] = &mut want;
    reference::adam::step(&adam, learning_rate, step, &dw, w, m, v);
    let average = average.map(|average| {
        let mut average = wide(&average);
        reference::adam::average(&adam, step, w, &mut average);
        average
    });
    // Where v is small the step is large, and its rounding with it; that of the scale is in every gradient.
    let roundings = if adam.clip_norm.is_some() { 4.0 + SCALE } else { 4.0 };
    let tol = Tol { relative: roundings * f64::from(f32::EPSILON), ..once() };
    for (tensor, want) in tensors.into_iter().zip(want.into_iter().chain(average)) {
        t.want(tensor, want, tol);
    }
    let mut shape = format!("{size}, step {step}");
    for (there, what) in [
        (slots > 0, format!(", {summed} in {slots} slots")),
        (adam.weight_decay > 0.0, ", decay".into()),
        (adam.clip_norm.is_some(), ", clipped".into()),
        (adam.ema.is_some(), ", averaged".into()),
    ] {
        shape += if there { &what } else { "" };
    }
    Ok(t.finish("adam", shape))
}

/// The records of the second of three heads; those of the others belong to other dispatches.
fn metrics(batch: usize, seed: u32) -> Result<Check> {
    let (s, classes) = (Metrics { head: 1, heads: 3 }, DIGITS);
    let mut t = Builder::new(batch, &[], seed);
    let (x, losses, labels) = (t.coarse(batch * classes), t.values(batch), t.below(batch, classes));
    let logits = t.input("x", &[batch, classes], &x);
    let target = t.input("label", &[batch], &labels);
    let loss = t.input("loss", &[batch], &losses);
    // What is past the end of the order leaves no record.
    let (first, images) = (11, ending(batch, seed));
    t.stand_at(first, images);
    let stride = s.heads * Record::WORDS;
    let records = t.tape.shared(&[first + batch + 2, stride], Shared::Records);
    ops::metrics::metrics(&mut t.tape, "digit", s, logits, target, loss)?;
    let right = x.chunks_exact(classes).zip(&labels).take(images);
    let right = right.map(|(x, &label)| u32::from(reference::metrics::argmax(x) == label as usize)).collect();
    let word = |word: usize| Part { at: first * stride + s.head * Record::WORDS + word, stride, width: 1 };
    t.want_part("loss", records, word(0), Want::Floats(wide(&losses[..images]), once()));
    t.want_part("right", records, word(1), Want::Words(right));
    Ok(t.finish("metrics", format!("{batch}")))
}
