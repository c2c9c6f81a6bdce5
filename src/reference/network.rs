//! A whole network: forward, loss and backward for some images, folded over its list of layers.

use super::{Real, add, concat, conv2d, heads, linear, max_pool, relu};
use crate::network::{DIGITS, Input, Layer, Loss, Network, Op};

/// What a forward pass leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass<T> {
    /// Images.
    pub batch: usize,
    /// The output of each layer, `[batch, ..]`.
    pub values: Vec<Vec<T>>,
    /// The winner of each window of a pooling layer; empty for other layers.
    pub winners: Vec<Vec<u32>>,
}

/// What a backward pass leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T> {
    /// Of the output of each layer.
    pub values: Vec<Vec<T>>,
    /// Of the parameters, flat as they are; padding 0.
    pub flat: Vec<T>,
}

/// The losses of some images, and where the backward walk begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Losses<T> {
    /// For each head, the cross-entropy of each image, not scaled.
    pub of_heads: Vec<Vec<T>>,
    /// For each head, the gradient of its logits.
    pub d_logits: Vec<Vec<T>>,
}

/// Every layer's tensor with its name, in forward order.
pub fn named<'a, T>(network: &'a Network, values: &'a [Vec<T>]) -> Vec<(&'a str, &'a [T])> {
    network.layers().iter().zip(values).map(|(layer, x)| (layer.name.as_str(), x.as_slice())).collect()
}

/// Every parameter tensor of a flat buffer (of values or of gradients) with its name.
pub fn named_parameters<'a, T>(network: &'a Network, flat: &'a [T]) -> Vec<(&'a str, &'a [T])> {
    network.parameters().iter().map(|p| (p.name.as_str(), &flat[p.range()])).collect()
}

/// Runs `image [batch, ..]` and `number [batch, 10]` through all layers.
pub fn forward<T: Real>(network: &Network, flat: &[T], image: &[T], number: &[T]) -> Pass<T> {
    let batch = number.len() / DIGITS;
    let mut pass = Pass { batch, values: Vec::new(), winners: Vec::new() };
    for layer in network.layers() {
        let x = |place: usize| read(&pass.values, layer.inputs[place], image, number);
        let mut y = vec![T::zero(); batch * layer.len()];
        let mut winner = Vec::new();
        match layer.op_of(batch) {
            Op::Conv2d(s) => {
                let [w, b] = weights(network, layer, flat);
                conv2d::forward(&s, x(0), w, b, &mut y);
            }
            Op::Relu => relu::forward(x(0), &mut y),
            Op::MaxPool(s) => {
                winner = vec![0; y.len()];
                max_pool::forward(&s, x(0), &mut y, &mut winner);
            }
            Op::Concat(s) => concat::forward(&s, x(0), x(1), &mut y),
            Op::Linear(s) => {
                let [w, b] = weights(network, layer, flat);
                linear::forward(&s, x(0), w, b, &mut y);
            }
        }
        pass.values.push(y);
        pass.winners.push(winner);
    }
    pass
}

/// The losses of each head's logits against its `targets`; the gradients are those of their sum over images and
/// heads with each image's `weight [batch]`, see [`super::gather::weights`].
pub fn losses<T: Real>(
    network: &Network,
    kind: Loss,
    pass: &Pass<T>,
    targets: &[Vec<u32>],
    weight: &[T],
) -> Losses<T> {
    let mut losses = Losses { of_heads: Vec::new(), d_logits: Vec::new() };
    for (head, target) in network.heads().iter().zip(targets) {
        let logits = &pass.values[head.logits];
        let (mut loss, mut d) = (vec![T::zero(); pass.batch], vec![T::zero(); logits.len()]);
        heads::loss(kind, logits, target, weight, &mut loss, &mut d);
        losses.of_heads.push(loss);
        losses.d_logits.push(d);
    }
    losses
}

/// The gradients of everything, from those of each head's logits.
pub fn backward<T: Real>(
    network: &Network,
    flat: &[T],
    [image, number]: [&[T]; 2],
    pass: &Pass<T>,
    d_logits: &[Vec<T>],
) -> Gradients<T> {
    let layers = network.layers();
    let mut d_flat = vec![T::zero(); flat.len()];
    // The terms of each layer's gradient that its consumers have sent back, in the order of the walk.
    let mut terms: Vec<Vec<Vec<T>>> = vec![Vec::new(); layers.len()];
    for (head, d) in network.heads().iter().zip(d_logits) {
        terms[head.logits].push(d.clone());
    }
    let mut values: Vec<Vec<T>> = vec![Vec::new(); layers.len()];
    for (index, layer) in layers.iter().enumerate().rev() {
        let dy = settle(std::mem::take(&mut terms[index]), pass.values[index].len());
        let x = |place: usize| read(&pass.values, layer.inputs[place], image, number);
        let mut dx: Vec<Vec<T>> =
            layer.inputs.iter().map(|&input| vec![T::zero(); pass.batch * network.len_of(input)]).collect();
        // Neither the image nor the number gets a gradient.
        let wanted = layer.inputs.iter().any(|input| matches!(input, Input::Layer(_)));
        match layer.op_of(pass.batch) {
            Op::Conv2d(s) => {
                if let Some([w, b]) = network.parameters_of(layer) {
                    conv2d::backward_weights(&s, &dy, x(0), &mut d_flat[w.range()]);
                    conv2d::backward_bias(&s, &dy, &mut d_flat[b.range()]);
                }
                if wanted {
                    conv2d::backward_input(&s, &dy, weights(network, layer, flat)[0], &mut dx[0]);
                }
            }
            Op::Relu => relu::backward(&pass.values[index], &dy, &mut dx[0]),
            Op::MaxPool(s) => max_pool::backward(&s, &dy, &pass.winners[index], &mut dx[0]),
            Op::Concat(s) => {
                let (left, right) = dx.split_at_mut(1);
                concat::backward(&s, &dy, &mut left[0], &mut right[0]);
            }
            Op::Linear(s) => {
                if let Some([w, b]) = network.parameters_of(layer) {
                    linear::backward_weights(&s, &dy, x(0), &mut d_flat[w.range()]);
                    linear::backward_bias(&s, &dy, &mut d_flat[b.range()]);
                }
                if wanted {
                    linear::backward_input(&s, &dy, weights(network, layer, flat)[0], &mut dx[0]);
                }
            }
        }
        for (&input, dx) in layer.inputs.iter().zip(dx) {
            if let Input::Layer(index) = input {
                terms[index].push(dx);
            }
        }
        values[index] = dy;
    }
    Gradients { values, flat: d_flat }
}

/// The sum of all terms; zeros where nothing depends on a layer.
fn settle<T: Real>(terms: Vec<Vec<T>>, len: usize) -> Vec<T> {
    let sum = |left: Vec<T>, right: Vec<T>| {
        let mut sum = vec![T::zero(); len];
        add::forward(&left, &right, &mut sum);
        sum
    };
    terms.into_iter().reduce(sum).unwrap_or_else(|| vec![T::zero(); len])
}

fn read<'a, T>(values: &'a [Vec<T>], input: Input, image: &'a [T], number: &'a [T]) -> &'a [T] {
    match input {
        Input::Image => image,
        Input::Number => number,
        Input::Layer(index) => &values[index],
    }
}

/// Weights and biases of a layer; empty for one that has none.
fn weights<'a, T>(network: &Network, layer: &Layer, flat: &'a [T]) -> [&'a [T]; 2] {
    network.parameters_of(layer).map_or([&[], &[]], |parameters| parameters.map(|p| &flat[p.range()]))
}
