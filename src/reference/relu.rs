//! Rectified linear unit.

use super::Real;

/// `y = x where x > 0, else 0`
pub fn forward<T: Real>(x: &[T], y: &mut [T]) {
    assert_eq!(x.len(), y.len(), "relu: length of y");
    for (y, &x) in y.iter_mut().zip(x) {
        *y = if x > T::zero() { x } else { T::zero() };
    }
}

/// `dx = dy where y > 0, else 0`: the slope at 0 is 0. `x` serves as well as `y`: both are above 0 in the
/// same places.
pub fn backward<T: Real>(y: &[T], dy: &[T], dx: &mut [T]) {
    assert_eq!(y.len(), dy.len(), "relu: length of dy");
    assert_eq!(y.len(), dx.len(), "relu: length of dx");
    for ((dx, &dy), &y) in dx.iter_mut().zip(dy).zip(y) {
        *dx = if y > T::zero() { dy } else { T::zero() };
    }
}
