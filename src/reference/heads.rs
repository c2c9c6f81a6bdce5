//! Both heads in one: two linear layers on one input, and the mean of their cross-entropies.

use super::{Real, add, cross_entropy, linear, softmax};
use crate::network::{DIGITS, SUMS};
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::linear::Linear;
use crate::ops::softmax::Softmax;
use crate::train::Loss;

/// What the heads are: `x [batch, inputs]`, weights `[10, inputs]` and `[19, inputs]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heads {
    /// Rows of `x`.
    pub batch: usize,
    /// Columns of `x`.
    pub inputs: usize,
    /// Which loss is trained.
    pub loss: Loss,
    /// What the gradient of one image's loss is multiplied by: 1 over the images of a training step.
    /// (The half of the mean over two heads is the formula's own.)
    pub scale: f64,
}

impl Heads {
    /// The two linear layers: digit and sum.
    pub fn linear(&self) -> [Linear; 2] {
        [DIGITS, SUMS].map(|outputs| Linear { batch: self.batch, inputs: self.inputs, outputs })
    }
}

/// One tensor of each head: digit, sum.
pub type Pair<'a, T> = [&'a [T]; 2];
/// One output of each head: digit, sum.
pub type PairMut<'a, T> = [&'a mut [T]; 2];

/// `logits[h] = linear(x, w[h], b[h])`, each `[batch, classes of h]`.
pub fn forward<T: Real>(heads: &Heads, x: &[T], w: Pair<T>, b: Pair<T>, logits: PairMut<T>) {
    for (head, logits) in logits.into_iter().enumerate() {
        linear::forward(&heads.linear()[head], x, w[head], b[head], logits);
    }
}

/// `loss[n]`, the mean of both heads' cross-entropies of image `n` (not scaled), and
/// `dlogits[h] = d(scale * sum of loss) / d logits[h]`. With [`Loss::DoubleSoftmax`] the softmax of
/// the logits takes the logits' place in the cross-entropy.
pub fn loss<T: Real>(
    heads: &Heads,
    logits: Pair<T>,
    target: [&[u32]; 2],
    loss: &mut [T],
    dlogits: PairMut<T>,
) {
    loss.fill(T::zero());
    for (head, dlogits) in dlogits.into_iter().enumerate() {
        let classes = heads.linear()[head].outputs;
        let softmax = Softmax { batch: heads.batch, classes };
        let entropy = CrossEntropy { batch: heads.batch, classes };
        let weight = vec![T::of(heads.scale / 2.0); heads.batch];
        let (logits, target) = (logits[head], target[head]);
        let mut of_head = vec![T::zero(); heads.batch];
        match heads.loss {
            Loss::Logits => {
                cross_entropy::forward(&entropy, logits, target, &mut of_head);
                cross_entropy::backward(&entropy, logits, target, &weight, dlogits);
            }
            Loss::DoubleSoftmax => {
                let mut y = vec![T::zero(); logits.len()];
                let mut dy = y.clone();
                softmax::forward(&softmax, logits, &mut y);
                cross_entropy::forward(&entropy, &y, target, &mut of_head);
                cross_entropy::backward(&entropy, &y, target, &weight, &mut dy);
                softmax::backward(&softmax, &y, &dy, dlogits);
            }
        }
        for (loss, of_head) in loss.iter_mut().zip(of_head) {
            *loss += of_head / T::of(2.0);
        }
    }
}

/// `dx [batch, inputs]`, the sum of what both heads send back.
pub fn backward_input<T: Real>(heads: &Heads, dlogits: Pair<T>, w: Pair<T>, dx: &mut [T]) {
    let mut of_heads = [dx.to_vec(), dx.to_vec()];
    for (head, of_head) in of_heads.iter_mut().enumerate() {
        linear::backward_input(&heads.linear()[head], dlogits[head], w[head], of_head);
    }
    add::forward(&of_heads[0], &of_heads[1], dx);
}

/// `dw[h] [classes of h, inputs]`
pub fn backward_weights<T: Real>(heads: &Heads, dlogits: Pair<T>, x: &[T], dw: PairMut<T>) {
    for (head, dw) in dw.into_iter().enumerate() {
        linear::backward_weights(&heads.linear()[head], dlogits[head], x, dw);
    }
}

/// `db[h] [classes of h]`
pub fn backward_bias<T: Real>(heads: &Heads, dlogits: Pair<T>, db: PairMut<T>) {
    for (head, db) in db.into_iter().enumerate() {
        linear::backward_bias(&heads.linear()[head], dlogits[head], db);
    }
}
