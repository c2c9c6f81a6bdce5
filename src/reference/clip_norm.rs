//! The limit of the gradients' norm, as PyTorch's `clip_grad_norm_` sets it.

use super::Real;
use crate::ops::clip_norm::EPSILON;

/// What gradients of all parameters are multiplied by, so that their L2 norm is at most `max`:
/// `min(1, max / (sqrt(sum of dw^2) + 1e-6))`. It is computed in f64, whatever `T` is.
pub fn scale<T: Real>(max: f64, dw: &[T]) -> T {
    let squares: f64 = dw.iter().map(|dw| dw.wide() * dw.wide()).sum();
    T::of((max / (squares.sqrt() + EPSILON)).min(1.0))
}
