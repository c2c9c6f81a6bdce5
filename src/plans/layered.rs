//! The network on the tape: one op per dispatch, backward steps derived.

use super::Programs;
use crate::Result;
use crate::network::{Input, Layer, Loss, Network, Op};
use crate::ops::adam::{Adam, adam};
use crate::ops::add::add;
use crate::ops::concat::concat;
use crate::ops::conv2d::conv2d;
use crate::ops::cross_entropy::cross_entropy;
use crate::ops::gather::{Batch, gather};
use crate::ops::linear::linear;
use crate::ops::max_pool::max_pool;
use crate::ops::metrics::{Metrics, metrics};
use crate::ops::relu::relu;
use crate::ops::softmax::softmax;
use crate::program::{Program, Tape, Tensor};

/// The layered programs of a network.
#[derive(Clone, Debug)]
pub struct Layered {
    /// The network.
    pub network: Network,
    /// The loss.
    pub loss: Loss,
    /// What trains it.
    pub adam: Adam,
}

impl Programs for Layered {
    fn training(&self, batch: usize) -> Result<Program> {
        self.program(batch, true)
    }

    fn evaluation(&self, batch: usize) -> Result<Program> {
        self.program(batch, false)
    }
}

impl Layered {
    fn program(&self, batch: usize, train: bool) -> Result<Program> {
        let mut tape = Tape::new(self.network.parameters(), batch);
        let input = gather(&mut tape, &self.network, batch);
        let mut outputs: Vec<Tensor> = Vec::new();
        for layer in self.network.layers() {
            outputs.push(write_down(&mut tape, layer, &input, &outputs, batch)?);
        }
        for head in self.network.heads() {
            tape.answer(&head.name, outputs[head.logits], 0, head.classes);
        }
        let judged = self.losses(&mut tape, &input, &outputs)?;
        if train {
            tape.backward(add)?;
            adam(&mut tape, self.network.flat_len(), self.adam, None)?;
        }
        let heads = self.network.heads();
        for (index, (head, (x, loss))) in heads.iter().zip(judged).enumerate() {
            let s = Metrics { head: index, heads: heads.len() };
            metrics(&mut tape, &head.name, s, x, input.targets[index], loss)?;
        }
        Ok(tape.finish())
    }

    /// For each head, what it is judged by, and its loss.
    fn losses(&self, tape: &mut Tape, input: &Batch, outputs: &[Tensor]) -> Result<Vec<(Tensor, Tensor)>> {
        let mut judged = Vec::new();
        for (head, &target) in self.network.heads().iter().zip(&input.targets) {
            let mut x = outputs[head.logits];
            if self.loss == Loss::DoubleSoftmax {
                x = softmax(tape, &format!("{} softmax", head.name), x)?;
            }
            let loss = cross_entropy(
                tape,
                &format!("{} loss", head.name),
                x,
                target,
                input.weight,
                self.loss.smoothing(),
            )?;
            judged.push((x, loss));
        }
        Ok(judged)
    }
}

/// Adds one layer, and returns its output.
fn write_down(
    tape: &mut Tape,
    layer: &Layer,
    input: &Batch,
    outputs: &[Tensor],
    batch: usize,
) -> Result<Tensor> {
    let name = &layer.name;
    let x = |place: usize| match layer.inputs[place] {
        Input::Image => input.image,
        Input::Number => input.number,
        Input::Layer(index) => outputs[index],
    };
    match layer.op_of(batch) {
        Op::Conv2d(s) => conv2d(tape, name, x(0), s),
        Op::Relu => relu(tape, name, x(0)),
        Op::MaxPool(s) => max_pool(tape, name, x(0), s),
        Op::Concat(_) => concat(tape, name, x(0), x(1)),
        Op::Linear(s) => linear(tape, name, x(0), s),
    }
}
