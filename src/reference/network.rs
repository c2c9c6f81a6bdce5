//! The whole network: forward, loss and backward for some images.

use super::heads::{self, Heads};
use super::{Real, concat, conv2d, linear, max_pool, relu};
use crate::network::{DIGITS, Parameter, SUMS, Sizes};
use crate::ops::concat::Concat;
use crate::ops::linear::Linear;
use crate::train::Loss;
use std::ops::Range;

/// The network, ready to be run on flat parameters.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its sizes.
    pub sizes: Sizes,
    /// The loss it is trained with.
    pub loss: Loss,
    parameters: Vec<Parameter>,
}

/// One tensor for every value between the layers: the values of a forward pass, or their gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensors<T> {
    /// `[batch, conv1, ..]`, before ReLU.
    pub conv1: Vec<T>,
    /// conv1 after ReLU.
    pub conv1_relu: Vec<T>,
    /// `[batch, conv1, ..]`, pooled.
    pub pool1: Vec<T>,
    /// `[batch, conv2, ..]`, before ReLU.
    pub conv2: Vec<T>,
    /// conv2 after ReLU.
    pub conv2_relu: Vec<T>,
    /// `[batch, conv2, ..]`, pooled; flattened as it lies.
    pub pool2: Vec<T>,
    /// `[batch, fc1]`, before ReLU.
    pub fc1: Vec<T>,
    /// fc1 after ReLU.
    pub fc1_relu: Vec<T>,
    /// `[batch, flat + fc1]`: the image's features, then the number's.
    pub concat: Vec<T>,
    /// `[batch, fc2]`, before ReLU.
    pub fc2: Vec<T>,
    /// fc2 after ReLU.
    pub fc2_relu: Vec<T>,
    /// `[batch, fc3]`, before ReLU.
    pub fc3: Vec<T>,
    /// fc3 after ReLU.
    pub fc3_relu: Vec<T>,
    /// `[batch, 10]`, the digit's logits.
    pub out1: Vec<T>,
    /// `[batch, 19]`, the sum's logits.
    pub out2: Vec<T>,
}

impl<T: Real> Tensors<T> {
    fn zeros(sizes: &Sizes, batch: usize) -> Self {
        let zeros = |len| vec![T::zero(); len];
        Self {
            conv1: zeros(sizes.conv1(batch).y_len()),
            conv1_relu: zeros(sizes.conv1(batch).y_len()),
            pool1: zeros(sizes.pool1(batch).y_len()),
            conv2: zeros(sizes.conv2(batch).y_len()),
            conv2_relu: zeros(sizes.conv2(batch).y_len()),
            pool2: zeros(sizes.pool2(batch).y_len()),
            fc1: zeros(sizes.fc1(batch).y_len()),
            fc1_relu: zeros(sizes.fc1(batch).y_len()),
            concat: zeros(sizes.fc2(batch).x_len()),
            fc2: zeros(sizes.fc2(batch).y_len()),
            fc2_relu: zeros(sizes.fc2(batch).y_len()),
            fc3: zeros(sizes.fc3(batch).y_len()),
            fc3_relu: zeros(sizes.fc3(batch).y_len()),
            out1: zeros(sizes.out1(batch).y_len()),
            out2: zeros(sizes.out2(batch).y_len()),
        }
    }

    /// Every tensor with its name, in forward order.
    pub fn named(&self) -> [(&'static str, &[T]); 15] {
        [
            ("conv1", &self.conv1),
            ("conv1.relu", &self.conv1_relu),
            ("pool1", &self.pool1),
            ("conv2", &self.conv2),
            ("conv2.relu", &self.conv2_relu),
            ("pool2", &self.pool2),
            ("fc1", &self.fc1),
            ("fc1.relu", &self.fc1_relu),
            ("concat", &self.concat),
            ("fc2", &self.fc2),
            ("fc2.relu", &self.fc2_relu),
            ("fc3", &self.fc3),
            ("fc3.relu", &self.fc3_relu),
            ("out1", &self.out1),
            ("out2", &self.out2),
        ]
    }
}

/// What a forward pass leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass<T> {
    /// Images.
    pub batch: usize,
    /// The values.
    pub values: Tensors<T>,
    /// pool1's winner of each window.
    pub winner1: Vec<u32>,
    /// pool2's winner of each window.
    pub winner2: Vec<u32>,
}

/// What a backward pass leaves: gradients of `scale` times the sum of the images' losses.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T> {
    /// Of every value between the layers.
    pub values: Tensors<T>,
    /// Of the parameters, flat as they are; padding 0.
    pub flat: Vec<T>,
}

impl Network {
    /// The network of these sizes.
    pub fn new(sizes: Sizes, loss: Loss) -> Self {
        Self { sizes, loss, parameters: sizes.parameters() }
    }

    /// Every parameter tensor of a flat buffer (of values or of gradients) with its name.
    pub fn named<'a, T>(&'a self, flat: &'a [T]) -> Vec<(&'a str, &'a [T])> {
        self.parameters.iter().map(|p| (p.name.as_str(), &flat[p.range()])).collect()
    }

    /// Runs `image [batch, 1, side, side]` and `number [batch, 10]` up to the logits.
    pub fn forward<T: Real>(&self, flat: &[T], image: &[T], number: &[T]) -> Pass<T> {
        let batch = number.len() / DIGITS;
        let sizes = &self.sizes;
        let layer = |index| (&flat[self.weight(index)], &flat[self.bias(index)]);
        let mut t = Tensors::zeros(sizes, batch);
        let mut winner1 = vec![0; t.pool1.len()];
        let mut winner2 = vec![0; t.pool2.len()];

        let (w, b) = layer(CONV1);
        conv2d::forward(&sizes.conv1(batch), image, w, b, &mut t.conv1);
        relu::forward(&t.conv1, &mut t.conv1_relu);
        max_pool::forward(&sizes.pool1(batch), &t.conv1_relu, &mut t.pool1, &mut winner1);

        let (w, b) = layer(CONV2);
        conv2d::forward(&sizes.conv2(batch), &t.pool1, w, b, &mut t.conv2);
        relu::forward(&t.conv2, &mut t.conv2_relu);
        max_pool::forward(&sizes.pool2(batch), &t.conv2_relu, &mut t.pool2, &mut winner2);

        let dense = |shape: Linear, index: usize, x: &[T], y: &mut [T]| {
            let (w, b) = layer(index);
            linear::forward(&shape, x, w, b, y);
        };
        dense(sizes.fc1(batch), FC1, number, &mut t.fc1);
        relu::forward(&t.fc1, &mut t.fc1_relu);
        concat::forward(&self.concat(batch), &t.pool2, &t.fc1_relu, &mut t.concat);
        dense(sizes.fc2(batch), FC2, &t.concat, &mut t.fc2);
        relu::forward(&t.fc2, &mut t.fc2_relu);
        dense(sizes.fc3(batch), FC3, &t.fc2_relu, &mut t.fc3);
        relu::forward(&t.fc3, &mut t.fc3_relu);

        let [(w1, b1), (w2, b2)] = [layer(OUT1), layer(OUT2)];
        let logits = [&mut t.out1[..], &mut t.out2[..]];
        heads::forward(&self.heads(batch, 1.0), &t.fc3_relu, [w1, w2], [b1, b2], logits);
        Pass { batch, values: t, winner1, winner2 }
    }

    /// The loss of each image, and the gradients of `scale` times their sum: those of the logits of
    /// digit and sum.
    pub fn loss<T: Real>(&self, pass: &Pass<T>, target: [&[u32]; 2], scale: f64) -> (Vec<T>, [Vec<T>; 2]) {
        let mut loss = vec![T::zero(); pass.batch];
        let mut dlogits = [DIGITS, SUMS].map(|classes| vec![T::zero(); pass.batch * classes]);
        let logits = [&pass.values.out1[..], &pass.values.out2[..]];
        let outputs = dlogits.each_mut().map(|d| &mut d[..]);
        heads::loss(&self.heads(pass.batch, scale), logits, target, &mut loss, outputs);
        (loss, dlogits)
    }

    /// The gradients of everything, from those of the logits.
    pub fn backward<T: Real>(
        &self,
        flat: &[T],
        image: &[T],
        number: &[T],
        pass: &Pass<T>,
        dlogits: [Vec<T>; 2],
    ) -> Gradients<T> {
        let (sizes, batch, t) = (&self.sizes, pass.batch, &pass.values);
        let mut d = Tensors::zeros(sizes, batch);
        let mut dflat = vec![T::zero(); flat.len()];
        [d.out1, d.out2] = dlogits;

        let heads = self.heads(batch, 1.0);
        let (dlogits, w) = ([&d.out1[..], &d.out2[..]], [&flat[self.weight(OUT1)], &flat[self.weight(OUT2)]]);
        heads::backward_input(&heads, dlogits, w, &mut d.fc3_relu);
        let [dw1, dw2] = two(&mut dflat, self.weight(OUT1), self.weight(OUT2));
        heads::backward_weights(&heads, dlogits, &t.fc3_relu, [dw1, dw2]);
        let [db1, db2] = two(&mut dflat, self.bias(OUT1), self.bias(OUT2));
        heads::backward_bias(&heads, dlogits, [db1, db2]);

        let mut dense = |shape: Linear, index: usize, dy: &[T], x: &[T], dx: Option<&mut [T]>| {
            if let Some(dx) = dx {
                linear::backward_input(&shape, dy, &flat[self.weight(index)], dx);
            }
            linear::backward_weights(&shape, dy, x, &mut dflat[self.weight(index)]);
            linear::backward_bias(&shape, dy, &mut dflat[self.bias(index)]);
        };
        relu::backward(&t.fc3, &d.fc3_relu, &mut d.fc3);
        dense(sizes.fc3(batch), FC3, &d.fc3, &t.fc2_relu, Some(&mut d.fc2_relu));
        relu::backward(&t.fc2, &d.fc2_relu, &mut d.fc2);
        dense(sizes.fc2(batch), FC2, &d.fc2, &t.concat, Some(&mut d.concat));
        concat::backward(&self.concat(batch), &d.concat, &mut d.pool2, &mut d.fc1_relu);
        relu::backward(&t.fc1, &d.fc1_relu, &mut d.fc1);
        dense(sizes.fc1(batch), FC1, &d.fc1, number, None);

        let conv2 = sizes.conv2(batch);
        max_pool::backward(&sizes.pool2(batch), &d.pool2, &pass.winner2, &mut d.conv2_relu);
        relu::backward(&t.conv2, &d.conv2_relu, &mut d.conv2);
        conv2d::backward_input(&conv2, &d.conv2, &flat[self.weight(CONV2)], &mut d.pool1);
        conv2d::backward_weights(&conv2, &d.conv2, &t.pool1, &mut dflat[self.weight(CONV2)]);
        conv2d::backward_bias(&conv2, &d.conv2, &mut dflat[self.bias(CONV2)]);

        let conv1 = sizes.conv1(batch);
        max_pool::backward(&sizes.pool1(batch), &d.pool1, &pass.winner1, &mut d.conv1_relu);
        relu::backward(&t.conv1, &d.conv1_relu, &mut d.conv1);
        conv2d::backward_weights(&conv1, &d.conv1, image, &mut dflat[self.weight(CONV1)]);
        conv2d::backward_bias(&conv1, &d.conv1, &mut dflat[self.bias(CONV1)]);
        Gradients { values: d, flat: dflat }
    }

    fn weight(&self, layer: usize) -> Range<usize> {
        self.parameters[2 * layer].range()
    }

    fn bias(&self, layer: usize) -> Range<usize> {
        self.parameters[2 * layer + 1].range()
    }

    fn concat(&self, batch: usize) -> Concat {
        Concat { batch, left: self.sizes.flat(), right: self.sizes.fc1 }
    }

    fn heads(&self, batch: usize, scale: f64) -> Heads {
        Heads { batch, inputs: self.sizes.fc3, loss: self.loss, scale }
    }
}

// The layers' places in the order of the parameters.
const CONV1: usize = 0;
const CONV2: usize = 1;
const FC1: usize = 2;
const FC2: usize = 3;
const FC3: usize = 4;
const OUT1: usize = 5;
const OUT2: usize = 6;

/// Two ranges of one slice, the first before the second.
fn two<T>(slice: &mut [T], first: Range<usize>, second: Range<usize>) -> [&mut [T]; 2] {
    let (low, high) = slice.split_at_mut(second.start);
    [&mut low[first], &mut high[..second.len()]]
}
