//! Forward and backward for as many images as there are lanes.

use std::ops::Range;

use super::heads::HeadRows;
use super::linear::{self, BackwardRelu};
use super::net::{Convolution, places};
use super::{Aligned, Example, Net, conv_pool, transpose};
use crate::network::DIGITS;
use crate::ops::fused::linear_layers::Placed;

/// Grey values / 255.
const GREY: [f32; 256] = {
    let mut grey = [0.0; 256];
    let mut value = 0;
    while value < 256 {
        grey[value] = value as f32 / 255.0;
        value += 1;
    }
    grey
};

/// What the images in the lanes leave, `[.., lanes]` if nothing else is said. One is enough for each thread.
#[derive(Clone, Debug)]
pub struct Workspace {
    image: Aligned,
    number: Aligned,
    pooled: Aligned,
    /// Of both convolutions.
    winners: [Aligned; 2],
    /// The second pooling's output, then fc1's.
    features: Aligned,
    h2: Aligned,
    h3: Aligned,
    d_pooled: Aligned,
    d_features: Aligned,
    d_h2: Aligned,
    d_h3: Aligned,
    /// See [`conv_pool`].
    spread: Aligned,
    /// The input of a linear layer, `[lanes, inputs]`.
    rows: Aligned,
    /// The logits of a head, or their gradients.
    logits: Aligned,
    pub(super) heads: [HeadRows; 2],
}

impl Workspace {
    /// Room for a network.
    pub fn new(net: &Net) -> Self {
        let lanes = net.instructions.lanes();
        let zeros = |len: usize| Aligned::zeros(len * lanes);
        let [first, second] = net.convolutions.each_ref().map(|conv| conv.s);
        let [pooled, flat] = [first, second].map(|s| s.pooled(2).y_len());
        let linear = &net.linear;
        let [h2, h3] = [&linear.fc2, &linear.fc3].map(|layer| layer.shape.outputs);
        let classes = [&linear.out1, &linear.out2].map(|layer| layer.shape.outputs);
        let features = linear.fc2.shape.inputs;
        Self {
            image: zeros(first.x_len()),
            number: zeros(DIGITS),
            pooled: zeros(pooled),
            winners: [zeros(pooled), zeros(flat)],
            features: zeros(features),
            h2: zeros(h2),
            h3: zeros(h3),
            d_pooled: zeros(pooled),
            d_features: zeros(features),
            d_h2: zeros(h2),
            d_h3: zeros(h3),
            spread: zeros(conv_pool::spread_len(&second)),
            rows: zeros(features.max(h2).max(h3).max(DIGITS)),
            logits: zeros(classes[0].max(classes[1])),
            heads: classes.map(|classes| HeadRows::new(classes, lanes)),
        }
    }

    /// One example to each lane; the last fills those that are left.
    fn load(&mut self, examples: &[Example], lanes: usize) {
        let example = |lane: usize| &examples[lane.min(examples.len() - 1)];
        let pixels = self.image.len() / lanes;
        let mut images: [&[u8]; 16] = [&[]; 16];
        for (lane, image) in images[..lanes].iter_mut().enumerate() {
            *image = &example(lane).image[..pixels];
        }
        for (pixel, numbers) in self.image.chunks_exact_mut(lanes).enumerate() {
            for (number, image) in numbers.iter_mut().zip(&images) {
                *number = GREY[usize::from(image[pixel])];
            }
        }
        self.number.fill(0.0);
        for lane in 0..lanes {
            self.number[usize::from(example(lane).addend) * lanes + lane] = 1.0;
        }
    }
}

/// The logits of up to as many examples as there are lanes.
pub(super) fn forward(net: &Net, flat: &[f32], examples: &[Example], workspace: &mut Workspace) {
    let lanes = net.instructions.lanes();
    workspace.load(examples, lanes);
    let Workspace { image, number, pooled, winners, features, h2, h3, logits, heads, .. } = workspace;
    let conv = |conv: &Convolution, x: &[f32], y: &mut [f32], winner: &mut [f32]| {
        let [w, b] = conv.places().map(|place| &flat[place]);
        net.instructions.run(conv_pool::Forward { s: &conv.s, x, w, b, y, winner });
    };
    let layer = |layer: &Placed, x: &[f32], relu: bool, y: &mut [f32]| {
        let [w, b] = places(layer).map(|place| &flat[place]);
        net.instructions.run(linear::Forward { s: &layer.shape, x, w, b, relu, y });
    };
    let ([first, second], [winner1, winner2]) = (&net.convolutions, winners);
    let (of_image, of_number) = features.split_at_mut(net.linear.flat * lanes);
    conv(first, image, pooled, winner1);
    conv(second, pooled, of_image, winner2);
    layer(&net.linear.fc1, number, true, of_number);
    layer(&net.linear.fc2, features, true, h2);
    layer(&net.linear.fc3, h2, true, h3);
    for (out, head) in [&net.linear.out1, &net.linear.out2].into_iter().zip(heads) {
        let logits = &mut logits[..head.classes * lanes];
        layer(out, h3, false, logits);
        transpose::to_rows(logits, lanes, &mut head.logits);
    }
}

/// Adds the gradients of all parameters, from those of the logits.
pub(super) fn backward(net: &Net, flat: &[f32], workspace: &mut Workspace, gradients: &mut [f32]) {
    let lanes = net.instructions.lanes();
    let Workspace { number, features, h2, h3, d_features, d_h2, d_h3, rows, logits, heads, .. } = workspace;
    let mut weights = |layer: &Placed, x: &[f32], dy: &[f32]| {
        let x_rows = &mut rows[..x.len()];
        transpose::to_rows(x, lanes, x_rows);
        let [dw, db] = apart(gradients, places(layer));
        net.instructions.run(linear::BackwardWeights { s: &layer.shape, x_rows, dy, dw, db });
    };
    let input = |layer: &Placed, dy: &[f32], dx: &mut [f32]| {
        let [w, _] = places(layer).map(|place| &flat[place]);
        net.instructions.run(linear::BackwardInput { s: &layer.shape, w, dy, dx });
    };
    let relu = |y: &[f32], dy: &mut [f32]| net.instructions.run(BackwardRelu { y, dy });
    for gradient in [&mut *d_h3, d_h2, d_features] {
        gradient.fill(0.0);
    }
    for (out, head) in [&net.linear.out1, &net.linear.out2].into_iter().zip(heads) {
        let d_logits = &mut logits[..head.classes * lanes];
        transpose::to_lanes(&head.d_logits, lanes, d_logits);
        weights(out, h3, d_logits);
        input(out, d_logits, d_h3);
    }
    relu(h3, d_h3);
    weights(&net.linear.fc3, h2, d_h3);
    input(&net.linear.fc3, d_h3, d_h2);
    relu(h2, d_h2);
    weights(&net.linear.fc2, features, d_h2);
    input(&net.linear.fc2, d_h2, d_features);
    let of_number = net.linear.flat * lanes..;
    relu(&features[of_number.clone()], &mut d_features[of_number.clone()]);
    weights(&net.linear.fc1, number, &d_features[of_number]);
    backward_convolutions(net, flat, workspace, gradients);
}

/// The part before the features.
fn backward_convolutions(net: &Net, flat: &[f32], workspace: &mut Workspace, gradients: &mut [f32]) {
    let Workspace { image, pooled, winners: [winner1, winner2], d_features, d_pooled, spread, .. } =
        workspace;
    let mut weights = |conv: &Convolution, x: &[f32], dy: &[f32], winner: &[f32]| {
        let [dw, db] = apart(gradients, conv.places());
        net.instructions.run(conv_pool::BackwardWeights { s: &conv.s, x, dy, winner, dw, db });
    };
    let [first, second] = &net.convolutions;
    let dy = &d_features[..winner2.len()];
    weights(second, pooled, dy, winner2);
    let w = &flat[second.weight.clone()];
    let input = conv_pool::BackwardInput { s: &second.s, w, dy, winner: winner2, spread, dx: d_pooled };
    net.instructions.run(input);
    weights(first, image, d_pooled, winner1);
}

/// The gradients of a layer's weights, and those of its biases.
fn apart(gradients: &mut [f32], [weight, bias]: [Range<usize>; 2]) -> [&mut [f32]; 2] {
    // A layer's biases lie behind its weights.
    let (before, from_bias) = gradients.split_at_mut(bias.start);
    [&mut before[weight], &mut from_bias[..bias.len()]]
}
