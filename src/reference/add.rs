//! The sum of two tensors of one shape.

use super::Real;

/// `y = x1 + x2`. Its gradient needs no code: both inputs get `dy`.
pub fn forward<T: Real>(x1: &[T], x2: &[T], y: &mut [T]) {
    assert_eq!(x1.len(), y.len(), "add: length of x1");
    assert_eq!(x2.len(), y.len(), "add: length of x2");
    for ((y, &x1), &x2) in y.iter_mut().zip(x1).zip(x2) {
        *y = x1 + x2;
    }
}
