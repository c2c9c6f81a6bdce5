//! Cross-entropy of logits against one right class per row.

use super::{Real, softmax};
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::softmax::Softmax;

/// `loss[n] = log(sum over k of exp(x[n,k])) - x[n,target[n]]`, not scaled. The maximum of the row is
/// taken out first, so that no exponential overflows.
pub fn forward<T: Real>(shape: &CrossEntropy, x: &[T], target: &[u32], loss: &mut [T]) {
    check(shape, x.len(), target.len());
    assert_eq!(loss.len(), shape.batch, "cross_entropy: length of loss");
    for ((x, &target), loss) in x.chunks_exact(shape.classes).zip(target).zip(loss) {
        let max = x.iter().copied().fold(T::neg_infinity(), T::max);
        let sum: T = x.iter().map(|&x| (x - max).exp()).sum();
        *loss = sum.ln() - (x[target as usize] - max);
    }
}

/// `dx[n,c] = (softmax(x[n])[c] - label[n,c]) * weight[n]`, with
/// `label[n,c] = (1 - smoothing) * (1 where c is target[n], else 0) + smoothing / classes`
pub fn backward<T: Real>(shape: &CrossEntropy, x: &[T], target: &[u32], weight: &[T], dx: &mut [T]) {
    check(shape, x.len(), target.len());
    assert_eq!(weight.len(), shape.batch, "cross_entropy: length of weight");
    softmax::forward(&Softmax { batch: shape.batch, classes: shape.classes }, x, dx);
    let smoothing = f64::from(shape.smoothing);
    let (right, any) = (T::of(1.0 - smoothing), T::of(smoothing / shape.classes as f64));
    for ((dx, &target), &weight) in dx.chunks_exact_mut(shape.classes).zip(target).zip(weight) {
        dx[target as usize] += -right;
        for dx in dx {
            *dx = (*dx - any) * weight;
        }
    }
}

fn check(shape: &CrossEntropy, x: usize, target: usize) {
    assert_eq!(x, shape.batch * shape.classes, "cross_entropy: length of x");
    assert_eq!(target, shape.batch, "cross_entropy: length of target");
}
