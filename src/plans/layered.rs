//! The network on the tape: one op a dispatch, backward steps derived.

use super::Programs;
use crate::Result;
use crate::graph::Tape;
use crate::network::Sizes;
use crate::ops::adam::{Adam, adam};
use crate::ops::concat::concat;
use crate::ops::conv2d::conv2d;
use crate::ops::cross_entropy::cross_entropy;
use crate::ops::gather::gather;
use crate::ops::linear::linear;
use crate::ops::max_pool::max_pool;
use crate::ops::metrics::{Heads, metrics};
use crate::ops::relu::relu;
use crate::ops::softmax::softmax;
use crate::program::Program;
use crate::train::Loss;

/// The layered programs of a network.
#[derive(Clone, Copy, Debug)]
pub struct Layered {
    /// The network's sizes.
    pub sizes: Sizes,
    /// The loss.
    pub loss: Loss,
}

impl Programs for Layered {
    fn training(&self, batch: usize) -> Result<Program> {
        self.program(batch, true)
    }

    fn evaluation(&self, batch: usize) -> Result<Program> {
        self.program(batch, false)
    }

    fn logits(&self) -> [(&'static str, usize); 2] {
        [("out1", 0), ("out2", 0)]
    }
}

impl Layered {
    fn program(&self, batch: usize, train: bool) -> Result<Program> {
        self.sizes.check()?;
        let mut tape = Tape::new(&self.sizes, batch);
        self.write_down(&mut tape, batch, train)?;
        Ok(tape.finish())
    }

    fn write_down(&self, tape: &mut Tape, batch: usize, train: bool) -> Result<()> {
        let sizes = &self.sizes;
        let input = gather(tape, sizes, batch);

        let x = conv2d(tape, "conv1", input.image, sizes.conv1(batch))?;
        let x = relu(tape, "conv1.relu", x)?;
        let x = max_pool(tape, "pool1", x, sizes.pool1(batch))?;
        let x = conv2d(tape, "conv2", x, sizes.conv2(batch))?;
        let x = relu(tape, "conv2.relu", x)?;
        let x = max_pool(tape, "pool2", x, sizes.pool2(batch))?;

        let n = linear(tape, "fc1", input.number, sizes.fc1(batch))?;
        let n = relu(tape, "fc1.relu", n)?;

        let x = concat(tape, "concat", x, n)?;
        let x = linear(tape, "fc2", x, sizes.fc2(batch))?;
        let x = relu(tape, "fc2.relu", x)?;
        let x = linear(tape, "fc3", x, sizes.fc3(batch))?;
        let x = relu(tape, "fc3.relu", x)?;
        let mut digit = linear(tape, "out1", x, sizes.out1(batch))?;
        let mut sum = linear(tape, "out2", x, sizes.out2(batch))?;
        if self.loss == Loss::DoubleSoftmax {
            digit = softmax(tape, "softmax1", digit)?;
            sum = softmax(tape, "softmax2", sum)?;
        }

        let digit_loss = cross_entropy(tape, "loss1", digit, input.digit, input.weight)?;
        let sum_loss = cross_entropy(tape, "loss2", sum, input.sum, input.weight)?;
        if train {
            tape.backward()?;
            adam(tape, sizes.flat_len(), Adam::default(), None)?;
        }
        metrics(tape, input, Heads { digit, sum, digit_loss, sum_loss });
        Ok(())
    }
}
