//! The gradients of all weights and biases of the linear part of the network.

use super::dense::{bias, weight};
use super::{Real, linear};
use crate::ops::dense::Dense;
use crate::ops::linear::Linear;

/// A linear layer, its input `x [batch, in]` and the gradient of its output `dy [batch, out]`.
#[derive(Clone, Debug)]
pub struct Layer<T> {
    /// Its name.
    pub name: &'static str,
    /// Its shape.
    pub shape: Linear,
    /// `[batch, in]`
    pub x: Vec<T>,
    /// `[batch, out]`
    pub dy: Vec<T>,
}

/// `dw[o,i] = sum over b of dy[b,o] * x[b,i]` and `db[o] = sum over b of dy[b,o]` of each layer, in the places
/// that its parameters have in `d_flat`.
pub fn backward<T: Real>(s: &Dense, layers: &[Layer<T>], d_flat: &mut [T]) {
    for Layer { name, shape, x, dy } in layers {
        linear::backward_weights(shape, dy, x, &mut d_flat[weight(s, name)]);
        linear::backward_bias(shape, dy, &mut d_flat[bias(s, name)]);
    }
}
