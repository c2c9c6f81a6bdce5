//! The checks of the ops that work on rows: sums, rectifier, linear layers, concatenation, softmax, loss.

use super::builder::{Builder, once};
use super::check::{Check, Part, Want};
use super::comparator::Tol;
use super::wide;
use crate::Result;
use crate::ops;
use crate::ops::concat::Concat;
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::linear::Linear;
use crate::ops::softmax::Softmax;
use crate::reference;

/// One check of each op at these sizes.
pub(super) fn checks(batch: usize, size: usize, other: usize, seed: u32) -> Result<Vec<Check>> {
    Ok(vec![
        add(batch, size, seed)?,
        relu(batch, size, seed)?,
        batch_sum(batch, size, seed),
        linear(Linear { batch, inputs: other, outputs: size }, seed)?,
        concat(Concat { batch, left: size, right: other }, seed)?,
        softmax(Softmax { batch, classes: size }, seed)?,
        cross_entropy(batch, size, seed)?,
    ])
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
    t.backward()?;
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
    t.backward()?;
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
    t.backward()?;
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

/// Logits for row after row: random ones, all equal, a gap of 100, all 1e4 or -1e4, up to 1e4.
fn extreme_logits(t: &mut Builder, rows: usize, classes: usize, seed: u32) -> Vec<f32> {
    let mut x = t.values(rows * classes);
    for (row, x) in x.chunks_exact_mut(classes).enumerate() {
        match (row + seed as usize) % 5 {
            1 => x.fill(3.5),
            2 => x[row % classes] = 100.0,
            3 => x.iter_mut().for_each(|x| *x = 1e4f32.copysign(*x)),
            4 => x.iter_mut().for_each(|x| *x *= 1e4),
            _ => {}
        }
    }
    x
}

fn softmax(s: Softmax, seed: u32) -> Result<Check> {
    let Softmax { batch, classes } = s;
    let mut t = Builder::new(batch, &[], seed);
    let x = extreme_logits(&mut t, batch, classes, seed);
    let input = t.variable("x", &[batch, classes], &x);
    let output = ops::softmax::softmax(&mut t.tape, "y", input)?;
    let dy = t.seed(output);
    t.backward()?;
    let mut y = vec![0.0; x.len()];
    reference::softmax::forward(&s, &wide(&x), &mut y);
    let mut dx = vec![0.0; x.len()];
    reference::softmax::backward(&s, &y, &wide(&dy), &mut dx);
    t.want_sum(output, y, classes);
    let row = Part::whole(classes);
    t.want_part("y", output, row, Want::Probabilities(batch));
    let gradient = t.gradient_of(input)?;
    t.want_sum(gradient, dx, classes);
    Ok(t.finish("softmax", format!("{batch}x{classes}")))
}

fn cross_entropy(batch: usize, classes: usize, seed: u32) -> Result<Check> {
    let smoothing = [0.0, 0.1, 1.0][seed as usize / 3 % 3];
    let s = CrossEntropy { batch, classes, smoothing };
    let mut t = Builder::new(batch, &[], seed);
    let x = extreme_logits(&mut t, batch, classes, seed);
    let labels = t.below(batch, classes);
    let input = t.variable("x", &[batch, classes], &x);
    let label = t.input("label", &[batch], &labels);
    let weights = t.values(batch);
    let weight = t.input("weight", &[batch], &weights);
    let output = ops::cross_entropy::cross_entropy(&mut t.tape, "loss", input, label, weight, smoothing)?;
    t.backward()?;
    let (mut loss, mut dx) = (vec![0.0; batch], vec![0.0; x.len()]);
    reference::cross_entropy::forward(&s, &wide(&x), &labels, &mut loss);
    reference::cross_entropy::backward(&s, &wide(&x), &labels, &wide(&weights), &mut dx);
    // A loss may be as large as its logits, up to 2e4.
    let tol = Tol { relative: 4.0 * f64::from(f32::EPSILON), ..Tol::reduction(classes, 1.0) };
    t.want(output, loss, tol);
    let gradient = t.gradient_of(input)?;
    t.want(gradient, dx, Tol::reduction(classes, 1.0));
    Ok(t.finish("cross_entropy", format!("{batch}x{classes}, smoothing {smoothing}")))
}
