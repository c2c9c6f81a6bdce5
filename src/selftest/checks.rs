//! The checks of the ops that are not convolutions, and the list of all.

use super::{Builder, Check, convolution, dense, wide};
use crate::Result;
use crate::compare::Tol;
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops;
use crate::ops::adam::Adam;
use crate::ops::concat::Concat;
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::linear::Linear;
use crate::ops::metrics::Heads;
use crate::ops::softmax::Softmax;
use crate::program::Shared;
use crate::random::{Purpose, Random};
use crate::reference;

/// Batch sizes that are awkward for tiles and workgroups.
pub const SHAPES: [usize; 7] = [1, 7, 32, 63, 64, 65, 1000];

/// Sizes around a tile, and primes.
const SIZES: [usize; 8] = [1, 2, 7, 13, 31, 32, 33, 67];

/// Every check: each op at the awkward batch sizes and at `random` shapes of their own.
pub fn all(random: usize) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut sizes = Random::new(2, Purpose::Test, 0);
    let count = SHAPES.len() + random;
    for index in 0..count {
        let mut size = |most: usize| 1 + sizes.below(most as u32) as usize;
        let batch = SHAPES.get(index).copied().unwrap_or_else(|| size(70));
        let awkward = SIZES[index % SIZES.len()];
        let (width, depth) = (size(70), size(140));
        let seed = index as u32;
        checks.push(add(batch, awkward, seed)?);
        checks.push(relu(batch, width, seed)?);
        checks.push(batch_sum(batch, depth, seed));
        checks.push(linear(Linear { batch, inputs: depth, outputs: awkward }, seed)?);
        checks.push(concat(Concat { batch, left: awkward, right: width }, seed)?);
        checks.push(softmax(Softmax { batch, classes: 1 + width }, seed)?);
        checks.push(cross_entropy(batch, 1 + width, seed)?);
        checks.push(gather(batch, seed));
        checks.push(adam(256 * batch.min(33), seed));
        checks.push(metrics(batch, seed));
        checks.extend(convolution::checks(batch, &mut sizes, seed)?);
        // A software driver compiles this shader for seconds; one check of each loss must do.
        if [7, 64].contains(&batch) && index < SHAPES.len() {
            checks.push(dense::check(batch, &mut sizes, seed)?);
        }
    }
    Ok(checks)
}

/// Rounding of one operation on values up to 1.
fn once() -> Tol {
    Tol::reduction(1, 1.0)
}

fn add(batch: usize, size: usize, seed: u32) -> Result<Check> {
    let mut t = Builder::new(batch, &[], seed);
    let (a, b) = (t.values(batch * size), t.values(batch * size));
    let x1 = t.variable("a", &[batch, size], &a);
    let x2 = t.variable("b", &[batch, size], &b);
    let y = ops::add::add(&mut t.tape, x1, x2)?;
    let mut want = vec![0.0; batch * size];
    reference::add::forward(&wide(&a), &wide(&b), &mut want);
    t.want(y, want, once());
    Ok(t.finish("add", format!("{batch}x{size}")))
}

fn relu(batch: usize, size: usize, seed: u32) -> Result<Check> {
    let mut t = Builder::new(batch, &[], seed);
    let x = t.coarse(batch * size);
    let input = t.variable("x", &[batch, size], &x);
    let output = ops::relu::relu(&mut t.tape, "y", input)?;
    let dy = t.seed(output);
    t.tape.backward()?;
    let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    reference::relu::forward(&wide(&x), &mut y);
    reference::relu::backward(&y, &wide(&dy), &mut dx);
    t.want(output, y, once());
    let gradient = t.gradient_of(input)?;
    t.want(gradient, dx, once());
    Ok(t.finish("relu", format!("{batch}x{size}")))
}

fn batch_sum(batch: usize, size: usize, seed: u32) -> Check {
    let mut t = Builder::new(batch, &[], seed);
    let x = t.values(batch * size);
    let input = t.variable("x", &[batch, size], &x);
    let output = t.tape.tensor("y", &[size]);
    ops::batch_sum::batch_sum(&mut t.tape, "", input, output);
    let mut y = vec![0.0; size];
    reference::batch_sum::forward(&wide(&x), &mut y);
    t.want_sum(output, y, batch);
    t.finish("batch_sum", format!("{batch}x{size}"))
}

fn linear(s: Linear, seed: u32) -> Result<Check> {
    let Linear { batch, inputs, outputs } = s;
    let mut t = Builder::new(batch, &[("l.weight", &[outputs, inputs]), ("l.bias", &[outputs])], seed);
    let x = t.values(s.x_len());
    let input = t.variable("x", &[batch, inputs], &x);
    let (w, b) = (t.parameter("l.weight")?, t.parameter("l.bias")?);
    let output = ops::linear::linear(&mut t.tape, "l", input, s)?;
    let dy = t.seed(output);
    t.tape.backward()?;
    let (x, w, dy) = (wide(&x), wide(&w), wide(&dy));
    let mut y = vec![0.0; s.y_len()];
    reference::linear::forward(&s, &x, &w, &wide(&b), &mut y);
    t.want_sum(output, y, inputs + 1);
    let mut dx = vec![0.0; s.x_len()];
    reference::linear::backward_input(&s, &dy, &w, &mut dx);
    let gradient = t.gradient_of(input)?;
    t.want_sum(gradient, dx, outputs);
    let (mut dw, mut db) = (vec![0.0; s.w_len()], vec![0.0; outputs]);
    reference::linear::backward_weights(&s, &dy, &x, &mut dw);
    reference::linear::backward_bias(&s, &dy, &mut db);
    for (name, want) in [("l.weight", dw), ("l.bias", db)] {
        let parameter = t.tape.parameter(name)?;
        let gradient = t.gradient_of(parameter)?;
        t.want_sum(gradient, want, batch);
    }
    Ok(t.finish("linear", format!("{batch}x{inputs}x{outputs}")))
}

fn concat(s: Concat, seed: u32) -> Result<Check> {
    let Concat { batch, left, right } = s;
    let mut t = Builder::new(batch, &[], seed);
    let (x1, x2) = (t.values(batch * left), t.values(batch * right));
    let a = t.variable("left", &[batch, left], &x1);
    let b = t.variable("right", &[batch, right], &x2);
    let output = ops::concat::concat(&mut t.tape, "y", a, b)?;
    let dy = t.seed(output);
    t.tape.backward()?;
    let mut y = vec![0.0; batch * (left + right)];
    reference::concat::forward(&s, &wide(&x1), &wide(&x2), &mut y);
    t.want(output, y, once());
    let (mut dx1, mut dx2) = (vec![0.0; x1.len()], vec![0.0; x2.len()]);
    reference::concat::backward(&s, &wide(&dy), &mut dx1, &mut dx2);
    for (input, want) in [(a, dx1), (b, dx2)] {
        let gradient = t.gradient_of(input)?;
        t.want(gradient, want, once());
    }
    Ok(t.finish("concat", format!("{batch}x({left}+{right})")))
}

/// Logits for row after row: random ones, all equal, a gap of 100, and as large as 1e4.
fn extreme_logits(t: &mut Builder, rows: usize, classes: usize) -> Vec<f32> {
    let mut x = t.values(rows * classes);
    for (row, x) in x.chunks_exact_mut(classes).enumerate() {
        match row % 4 {
            1 => x.fill(3.5),
            2 => x[row % classes] = 100.0,
            3 => x.iter_mut().for_each(|x| *x *= 1e4),
            _ => {}
        }
    }
    x
}

fn softmax(s: Softmax, seed: u32) -> Result<Check> {
    let Softmax { batch, classes } = s;
    let mut t = Builder::new(batch, &[], seed);
    let x = extreme_logits(&mut t, batch, classes);
    let input = t.variable("x", &[batch, classes], &x);
    let output = ops::softmax::softmax(&mut t.tape, "y", input)?;
    let dy = t.seed(output);
    t.tape.backward()?;
    let mut y = vec![0.0; x.len()];
    reference::softmax::forward(&s, &wide(&x), &mut y);
    let mut dx = vec![0.0; x.len()];
    reference::softmax::backward(&s, &y, &wide(&dy), &mut dx);
    t.want_sum(output, y, classes);
    let gradient = t.gradient_of(input)?;
    t.want_sum(gradient, dx, classes);
    Ok(t.finish("softmax", format!("{batch}x{classes}")))
}

fn cross_entropy(batch: usize, classes: usize, seed: u32) -> Result<Check> {
    let s = CrossEntropy { batch, classes, scale: 1.0 / (2 * batch) as f64 };
    let mut t = Builder::new(batch, &[], seed);
    let x = extreme_logits(&mut t, batch, classes);
    let labels: Vec<u32> = (0..batch).map(|_| t.random.below(classes as u32)).collect();
    let input = t.variable("x", &[batch, classes], &x);
    let label = t.tape.tensor("label", &[batch]);
    t.set(label, &labels);
    let output = ops::cross_entropy::cross_entropy(&mut t.tape, "loss", input, label, s.scale)?;
    t.tape.backward()?;
    let (mut loss, mut dx) = (vec![0.0; batch], vec![0.0; x.len()]);
    reference::cross_entropy::forward(&s, &wide(&x), &labels, &mut loss);
    reference::cross_entropy::backward(&s, &wide(&x), &labels, &mut dx);
    // A loss may be as large as its logits, up to 2e4.
    let tol = Tol { relative: 4.0 * f64::from(f32::EPSILON), ..Tol::reduction(classes, 1.0) };
    t.want(output, loss, tol);
    let gradient = t.gradient_of(input)?;
    t.want(gradient, dx, Tol::reduction(classes, s.scale));
    Ok(t.finish("cross_entropy", format!("{batch}x{classes}")))
}

fn gather(batch: usize, seed: u32) -> Check {
    let sizes = Sizes::default();
    let pixels = sizes.side * sizes.side;
    let count = batch + 5;
    let mut t = Builder::new(batch, &[], seed);
    let images: Vec<u8> = (0..count * pixels).map(|_| t.random.below(256) as u8).collect();
    let [labels, addends] = [0, 1].map(|_| (0..count).map(|_| t.random.below(10) as u8).collect::<Vec<u8>>());
    let order = t.random.permutation(count as u32);
    let first = 3;
    for (name, buffer, words) in [
        ("cursor", Shared::Cursor, vec![0, first as u32]),
        ("order", Shared::Order, order.clone()),
        ("labels", Shared::Labels, labels.iter().map(|&x| u32::from(x)).collect()),
        ("addends", Shared::Addends, addends.iter().map(|&x| u32::from(x)).collect()),
        ("images", Shared::Images, bytemuck::pod_collect_to_vec(&images)),
    ] {
        let tensor = t.tape.shared(name, &[words.len()], buffer);
        t.set(tensor, &words);
    }
    let found = ops::gather::gather(&mut t.tape, &sizes, batch);
    let (mut image, mut number) = (vec![0.0; batch * pixels], vec![0.0; batch * DIGITS]);
    let (mut digit, mut sum) = (vec![0; batch], vec![0; batch]);
    reference::gather::forward(
        &order[first..first + batch],
        reference::gather::Source { images: &images, labels: &labels, addends: &addends },
        reference::gather::Batch { image: &mut image, number: &mut number, digit: &mut digit, sum: &mut sum },
    );
    t.want(found.image, image, once());
    t.want(found.number, number, once());
    t.want_words(found.digit, digit);
    t.want_words(found.sum, sum);
    t.finish("gather", format!("{batch}"))
}

fn adam(size: usize, seed: u32) -> Check {
    let adam = Adam::default();
    let (learning_rate, step) = (1e-3, 1 + seed);
    let mut t = Builder::new(1, &[], seed);
    let [mut w, mut m, dw] = [0, 1, 2].map(|_| t.values(size));
    let mut v: Vec<f32> = t.values(size).iter().map(|v| v * v).collect();
    // Parameters without a gradient so far: padding, dead units.
    (m[0], v[0]) = (0.0, 0.0);
    let rates = adam.rates(learning_rate, step).map(|rate| rate as f32);
    ops::adam::adam(&mut t.tape, size, adam);
    let cursor = t.tape.shared("cursor", &[2], Shared::Cursor);
    t.set(cursor, &[0u32, 0]);
    let tensors = [
        t.tape.shared("parameters", &[size], Shared::Parameters),
        t.tape.shared("first moments", &[size], Shared::FirstMoments),
        t.tape.shared("second moments", &[size], Shared::SecondMoments),
    ];
    for (tensor, values) in tensors.into_iter().zip([&w, &m, &v]) {
        t.set(tensor, values);
    }
    let gradients = t.tape.shared("gradients", &[size], Shared::Gradients);
    t.set(gradients, &dw);
    let buffer = t.tape.shared("rates", &[1, 2], Shared::Rates);
    t.set(buffer, &rates);
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

fn metrics(batch: usize, seed: u32) -> Check {
    let mut t = Builder::new(batch, &[], seed);
    let x = [DIGITS, SUMS].map(|classes| t.coarse(batch * classes));
    let loss = [0, 1].map(|_| t.values(batch));
    let label =
        [DIGITS, SUMS].map(|classes| (0..batch).map(|_| t.random.below(classes as u32)).collect::<Vec<_>>());
    let tensor = |t: &mut Builder, name: &str, shape: &[usize]| t.tape.tensor(name, shape);
    let input = ops::gather::Batch {
        image: tensor(&mut t, "image", &[1]),
        number: tensor(&mut t, "number", &[1]),
        digit: tensor(&mut t, "digit", &[batch]),
        sum: tensor(&mut t, "sum", &[batch]),
    };
    let heads = Heads {
        digit: tensor(&mut t, "digit_x", &[batch, DIGITS]),
        sum: tensor(&mut t, "sum_x", &[batch, SUMS]),
        digit_loss: tensor(&mut t, "digit_loss", &[batch]),
        sum_loss: tensor(&mut t, "sum_loss", &[batch]),
    };
    ops::metrics::metrics(&mut t.tape, input, heads);
    t.set(heads.digit, &x[0]);
    t.set(heads.sum, &x[1]);
    t.set(heads.digit_loss, &loss[0]);
    t.set(heads.sum_loss, &loss[1]);
    t.set(input.digit, &label[0]);
    t.set(input.sum, &label[1]);
    let cursor = t.tape.shared("cursor", &[2], Shared::Cursor);
    t.set(cursor, &[0u32, 11]);
    t.want_words(cursor, vec![1, 11 + batch as u32]);
    let total = (reference::metrics::total_loss(&loss[0]) + reference::metrics::total_loss(&loss[1])) / 2.0;
    let right = [0, 1].map(|head| reference::metrics::right(&x[head], &label[head]) as u32);
    let record = t.tape.shared("records", &[1, 3], Shared::Records);
    t.want_record(record, total, Tol::reduction(batch, 1.0), right);
    t.finish("metrics", format!("{batch}"))
}
