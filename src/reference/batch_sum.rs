//! The sum over a batch's rows, in order.

use super::{Real, add_scaled};

/// `y[j] = x[0,j] + x[1,j] + ...`: `x [rows, columns]`, `y [columns]`.
pub fn forward<T: Real>(x: &[T], y: &mut [T]) {
    assert_eq!(x.len() % y.len(), 0, "batch_sum: length of x");
    let columns = y.len();
    y.fill(T::zero());
    for x in x.chunks_exact(columns) {
        add_scaled(T::one(), x, y);
    }
}
