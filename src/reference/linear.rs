//! A fully connected layer.

use super::{Real, add_scaled, batch_sum, dot};
use crate::ops::linear::Linear;

/// `y[n,o] = b[o] + sum over i of x[n,i] * w[o,i]`
pub fn forward<T: Real>(shape: &Linear, x: &[T], w: &[T], b: &[T], y: &mut [T]) {
    check(shape, x.len(), w.len(), y.len());
    assert_eq!(b.len(), shape.outputs, "linear: length of b");
    for (x, y) in x.chunks_exact(shape.inputs).zip(y.chunks_exact_mut(shape.outputs)) {
        for ((y, w), &b) in y.iter_mut().zip(w.chunks_exact(shape.inputs)).zip(b) {
            *y = b + dot(x, w);
        }
    }
}

/// `dx[n,i] = sum over o of dy[n,o] * w[o,i]`
pub fn backward_input<T: Real>(shape: &Linear, dy: &[T], w: &[T], dx: &mut [T]) {
    check(shape, dx.len(), w.len(), dy.len());
    dx.fill(T::zero());
    for (dx, dy) in dx.chunks_exact_mut(shape.inputs).zip(dy.chunks_exact(shape.outputs)) {
        for (&dy, w) in dy.iter().zip(w.chunks_exact(shape.inputs)) {
            add_scaled(dy, w, dx);
        }
    }
}

/// `dw[o,i] = sum over n of dy[n,o] * x[n,i]`
pub fn backward_weights<T: Real>(shape: &Linear, dy: &[T], x: &[T], dw: &mut [T]) {
    check(shape, x.len(), dw.len(), dy.len());
    dw.fill(T::zero());
    for (x, dy) in x.chunks_exact(shape.inputs).zip(dy.chunks_exact(shape.outputs)) {
        for (&dy, dw) in dy.iter().zip(dw.chunks_exact_mut(shape.inputs)) {
            add_scaled(dy, x, dw);
        }
    }
}

/// `db[o] = sum over n of dy[n,o]`
pub fn backward_bias<T: Real>(shape: &Linear, dy: &[T], db: &mut [T]) {
    assert_eq!(dy.len(), shape.y_len(), "linear: length of dy");
    assert_eq!(db.len(), shape.outputs, "linear: length of db");
    batch_sum::forward(dy, db);
}

fn check(shape: &Linear, x: usize, w: usize, y: usize) {
    assert_eq!(x, shape.x_len(), "linear: length of x");
    assert_eq!(w, shape.w_len(), "linear: length of w");
    assert_eq!(y, shape.y_len(), "linear: length of y");
}
