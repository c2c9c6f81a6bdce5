//! The loss of the heads: the mean of their cross-entropies.

use super::{Real, cross_entropy, softmax};
use crate::network::Loss;
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::softmax::Softmax;

/// One head's cross-entropy of each image, not scaled, `loss [batch]`; and `d_logits [batch, classes]`, the
/// gradient of the sum over the batch of `weight[n] * loss[n]`; of [`Loss::Smoothed`] that is the gradient of the
/// cross-entropy against smoothed labels. With [`Loss::DoubleSoftmax`] the softmax of the
/// logits takes the logits' place in the cross-entropy.
pub fn loss<T: Real>(
    kind: Loss,
    logits: &[T],
    target: &[u32],
    weight: &[T],
    loss: &mut [T],
    d_logits: &mut [T],
) {
    let batch = target.len();
    let classes = logits.len() / batch;
    let entropy = CrossEntropy { batch, classes, smoothing: kind.smoothing() };
    match kind {
        Loss::Logits | Loss::Smoothed(_) => {
            cross_entropy::forward(&entropy, logits, target, loss);
            cross_entropy::backward(&entropy, logits, target, weight, d_logits);
        }
        Loss::DoubleSoftmax => {
            let softmax = Softmax { batch, classes };
            let mut y = vec![T::zero(); logits.len()];
            let mut dy = y.clone();
            softmax::forward(&softmax, logits, &mut y);
            cross_entropy::forward(&entropy, &y, target, loss);
            cross_entropy::backward(&entropy, &y, target, weight, &mut dy);
            softmax::backward(&softmax, &y, &dy, d_logits);
        }
    }
}
