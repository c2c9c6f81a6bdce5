//! The whole linear part of the network in one: fc1, concat, fc2, fc3 and both heads, but for the gradients of
//! its parameters.
//!
//! Of each ReLU only the output is kept, and of each gradient only the one before the ReLU.

use std::ops::Range;

use super::heads::{self, Heads};
use super::{Real, concat, linear, relu};
use crate::ops::concat::Concat;
use crate::ops::dense::Dense;
use crate::ops::linear::Linear;

/// The activations.
#[derive(Clone, Debug, PartialEq)]
pub struct Values<T> {
    /// `[batch, flat + fc1]`: the image's features and `relu(fc1(number))`.
    pub features: Vec<T>,
    /// `[batch, fc2]`: `relu(fc2(features))`.
    pub h2: Vec<T>,
    /// `[batch, fc3]`: `relu(fc3(h2))`.
    pub h3: Vec<T>,
    /// `[batch, 10]` and `[batch, 19]`: `out1(h3)` and `out2(h3)`.
    pub logits: [Vec<T>; 2],
}

/// The gradients of the activations.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T> {
    /// `[batch, fc3]`: `dlogits * w`, where h3 is above 0.
    pub d_h3: Vec<T>,
    /// `[batch, fc2]`: `d_h3 * fc3`, where h2 is above 0.
    pub d_h2: Vec<T>,
    /// `[batch, flat + fc1]`: `d_h2 * fc2`, where a feature is above 0.
    pub d_features: Vec<T>,
}

/// Both logits and all before them, from `pooled [batch, flat]` and `number [batch, 10]`.
pub fn forward<T: Real>(s: &Dense, flat: &[T], pooled: &[T], number: &[T]) -> Values<T> {
    let (sizes, batch) = (&s.sizes, s.batch);
    let layer = |name: &str, shape: Linear, x: &[T]| {
        let (mut z, mut y) = (vec![T::zero(); shape.y_len()], vec![T::zero(); shape.y_len()]);
        linear::forward(&shape, x, &flat[weight(s, name)], &flat[bias(s, name)], &mut z);
        relu::forward(&z, &mut y);
        y
    };
    let numbers = layer("fc1", sizes.fc1(batch), number);
    let mut features = vec![T::zero(); sizes.fc2(batch).x_len()];
    concat::forward(&side_by_side(s), pooled, &numbers, &mut features);
    let h2 = layer("fc2", sizes.fc2(batch), &features);
    let h3 = layer("fc3", sizes.fc3(batch), &h2);
    let mut logits = heads(s).linear().map(|shape| vec![T::zero(); shape.y_len()]);
    let outputs = logits.each_mut().map(|logits| &mut logits[..]);
    let [w, b] = [weight, bias].map(|range| HEADS.map(|head| &flat[range(s, head)]));
    heads::forward(&heads(s), &h3, w, b, outputs);
    Values { features, h2, h3, logits }
}

/// The gradients of all activations, from those of the logits.
pub fn backward<T: Real>(s: &Dense, flat: &[T], values: &Values<T>, dlogits: [&[T]; 2]) -> Gradients<T> {
    let (sizes, batch) = (&s.sizes, s.batch);
    let mut d_y = vec![T::zero(); values.h3.len()];
    heads::backward_input(&heads(s), dlogits, HEADS.map(|head| &flat[weight(s, head)]), &mut d_y);
    let mut d_h3 = d_y.clone();
    relu::backward(&values.h3, &d_y, &mut d_h3);
    let layer = |name: &str, shape: Linear, x: &[T], dy: &[T]| {
        let (mut d_y, mut d_x) = (vec![T::zero(); x.len()], vec![T::zero(); x.len()]);
        linear::backward_input(&shape, dy, &flat[weight(s, name)], &mut d_y);
        relu::backward(x, &d_y, &mut d_x);
        d_x
    };
    let d_h2 = layer("fc3", sizes.fc3(batch), &values.h2, &d_h3);
    let d_features = layer("fc2", sizes.fc2(batch), &values.features, &d_h2);
    Gradients { d_h3, d_h2, d_features }
}

/// The two heads; an image's gradient counts as one of `batch`.
pub fn heads(s: &Dense) -> Heads {
    Heads { batch: s.batch, inputs: s.sizes.fc3, loss: s.loss, scale: 1.0 / s.batch as f64 }
}

const HEADS: [&str; 2] = ["out1", "out2"];

fn side_by_side(s: &Dense) -> Concat {
    Concat { batch: s.batch, left: s.sizes.flat(), right: s.sizes.fc1 }
}

/// Where a layer's weights lie in the flat parameters.
pub fn weight(s: &Dense, layer: &str) -> Range<usize> {
    s.sizes.parameters().into_iter().find(|p| p.name == format!("{layer}.weight")).map_or(0..0, |p| p.range())
}

/// Where its biases lie.
pub fn bias(s: &Dense, layer: &str) -> Range<usize> {
    s.sizes.parameters().into_iter().find(|p| p.name == format!("{layer}.bias")).map_or(0..0, |p| p.range())
}
