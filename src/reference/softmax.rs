//! Softmax over each row.

use super::{Real, dot};
use crate::ops::softmax::Softmax;

/// `y[n,c] = exp(x[n,c] - max x[n]) / sum over k of exp(x[n,k] - max x[n])`: subtracting the maximum
/// only keeps the exponentials from overflowing.
pub fn forward<T: Real>(shape: &Softmax, x: &[T], y: &mut [T]) {
    check(shape, x.len(), y.len());
    for (x, y) in x.chunks_exact(shape.classes).zip(y.chunks_exact_mut(shape.classes)) {
        let max = x.iter().copied().fold(T::neg_infinity(), T::max);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = (x - max).exp();
        }
        let sum: T = y.iter().copied().sum();
        for y in y {
            *y /= sum;
        }
    }
}

/// `dx[n,c] = y[n,c] * (dy[n,c] - sum over k of dy[n,k] * y[n,k])`
pub fn backward<T: Real>(shape: &Softmax, y: &[T], dy: &[T], dx: &mut [T]) {
    check(shape, dx.len(), y.len());
    check(shape, dx.len(), dy.len());
    let rows = y.chunks_exact(shape.classes).zip(dy.chunks_exact(shape.classes));
    for (dx, (y, dy)) in dx.chunks_exact_mut(shape.classes).zip(rows) {
        let mean = dot(y, dy);
        for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = y * (dy - mean);
        }
    }
}

fn check(shape: &Softmax, x: usize, y: usize) {
    assert_eq!(x, shape.batch * shape.classes, "softmax: length of x");
    assert_eq!(y, shape.batch * shape.classes, "softmax: length of y");
}
