//! The gradients of all weights and biases of the linear layers.

use crate::network::Linear;
use crate::program::Parameter;
use crate::reference::{Real, linear};

/// A linear layer, its input `x [batch, in]` and the gradient of its output `dy [batch, out]`.
#[derive(Clone, Debug)]
pub struct Layer<'a, T> {
    /// Its shape.
    pub shape: Linear,
    /// Its weight and bias.
    pub parameters: [&'a Parameter; 2],
    /// `[batch, in]`
    pub x: Vec<T>,
    /// `[batch, out]`
    pub dy: Vec<T>,
}

/// `dw[o,i] = sum over b of dy[b,o] * x[b,i]` and `db[o] = sum over b of dy[b,o]` of each layer, in the places
/// that its parameters have in `d_flat`.
pub fn backward<T: Real>(layers: &[Layer<T>], d_flat: &mut [T]) {
    for Layer { shape, parameters: [weight, bias], x, dy } in layers {
        linear::backward_weights(shape, dy, x, &mut d_flat[weight.range()]);
        linear::backward_bias(shape, dy, &mut d_flat[bias.range()]);
    }
}
