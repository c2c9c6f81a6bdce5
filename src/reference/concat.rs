//! Two rows side by side.

use super::Real;
use crate::ops::concat::Concat;

/// `y[n] = x1[n] followed by x2[n]`
pub fn forward<T: Real>(shape: &Concat, x1: &[T], x2: &[T], y: &mut [T]) {
    check(shape, x1.len(), x2.len(), y.len());
    let rows = x1.chunks_exact(shape.left).zip(x2.chunks_exact(shape.right));
    for (y, (x1, x2)) in y.chunks_exact_mut(shape.left + shape.right).zip(rows) {
        y[..shape.left].copy_from_slice(x1);
        y[shape.left..].copy_from_slice(x2);
    }
}

/// `dx1[n]` is the start of `dy[n]`, `dx2[n]` the rest.
pub fn backward<T: Real>(shape: &Concat, dy: &[T], dx1: &mut [T], dx2: &mut [T]) {
    check(shape, dx1.len(), dx2.len(), dy.len());
    let rows = dx1.chunks_exact_mut(shape.left).zip(dx2.chunks_exact_mut(shape.right));
    for (dy, (dx1, dx2)) in dy.chunks_exact(shape.left + shape.right).zip(rows) {
        dx1.copy_from_slice(&dy[..shape.left]);
        dx2.copy_from_slice(&dy[shape.left..]);
    }
}

fn check(shape: &Concat, x1: usize, x2: usize, y: usize) {
    assert_eq!(x1, shape.batch * shape.left, "concat: length of x1");
    assert_eq!(x2, shape.batch * shape.right, "concat: length of x2");
    assert_eq!(y, shape.batch * (shape.left + shape.right), "concat: length of y");
}
