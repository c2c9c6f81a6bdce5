//! The network in a few large dispatches: what is computed together is kept in registers.
//!
//! | dispatch | reads | leaves |
//! |---|---|---|
//! | conv1 | packed images | pool1, its winners |
//! | conv2 | pool1 | pool2 (in the rows), its winners |
//! | linear layers | rows | all linear activations and their gradients (in the rows), records |
//! | their gradients | rows | gradients of fc1, fc2, fc3, out1, out2 |
//! | conv2 gradients | rows, pool1, winners | gradients of pool1, and of its parameters by slots of images |
//! | conv1 gradients | gradient of pool1, packed images, winners | those of its parameters, by slots |
//! | Adam | gradients, the slots' added up | parameters |
//!
//! Where the gradients' norm is limited, three small dispatches before Adam's add up the slots and compute it.

use super::Programs;
use super::fit::Fit;
use super::tiles::Tiles;
use crate::Result;
use crate::network::{Conv2d, Loss, Network};
use crate::ops::adam::{Adam, adam};
use crate::ops::fused::conv_pool::{Backward, ConvPool, Pixels, Pooled, conv_pool, conv_pool_gradients};
use crate::ops::fused::linear_layers::{LinearLayers, linear_layers};
use crate::ops::fused::linear_layers_gradients::linear_layers_gradients;
use crate::program::{Parameter, Program, Shared, Tape, Tensor};

/// The fused programs of a network.
#[derive(Clone, Debug)]
pub struct Fused {
    fit: Fit,
    parameters: Vec<Parameter>,
    pixels: usize,
    loss: Loss,
    adam: Adam,
    tiles: Tiles,
}

impl Programs for Fused {
    fn training(&self, batch: usize) -> Result<Program> {
        self.program(batch, true)
    }

    fn evaluation(&self, batch: usize) -> Result<Program> {
        self.program(batch, false)
    }
}

/// Both convolutions, their inputs and outputs, and the rows that the linear layers work on.
struct Parts {
    convolutions: [ConvPool; 2],
    images: Pixels,
    pool1: Pooled,
    pool2: Pooled,
    winners: [Tensor; 2],
    linear: LinearLayers,
    rows: Tensor,
}

impl Fused {
    /// The programs of a network, in these tiles, with plain Adam.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] naming the layer, head or size that the kernels cannot handle.
    pub fn new(network: &Network, loss: Loss, tiles: Tiles) -> Result<Self> {
        let fit = Fit::new(network)?;
        let (parameters, pixels) = (network.parameters().to_vec(), network.pixels());
        let fused = Self { fit, parameters, pixels, loss, adam: Adam::default(), tiles };
        fused.training(1)?;
        Ok(fused)
    }

    /// The same, trained by an Adam that may decay weights and limit the gradients' norm.
    pub fn trained_by(self, adam: Adam) -> Self {
        Self { adam, ..self }
    }

    /// Both convolutions, in tiles that are made to fit.
    pub fn convolutions(&self, batch: usize) -> [ConvPool; 2] {
        let [(_, conv1), (_, conv2)] = &self.fit.convolutions;
        [(conv1, self.tiles.conv1), (conv2, self.tiles.conv2)].map(|(conv, tiles)| {
            let conv = Conv2d { batch, ..*conv };
            ConvPool { conv, tiles: tiles.fitted(&conv) }
        })
    }

    /// The linear layers, in tiles that are made to fit.
    pub fn linear(&self, batch: usize) -> LinearLayers {
        LinearLayers::new(self.fit.linear.clone(), batch, self.loss, self.tiles.linear)
    }

    fn program(&self, batch: usize, train: bool) -> Result<Program> {
        let mut tape = Tape::new(&self.parameters, batch);
        let parts = self.forward(&mut tape, batch, train)?;
        if train {
            self.backward(&mut tape, batch, &parts)?;
        }
        Ok(tape.finish())
    }

    fn forward(&self, tape: &mut Tape, batch: usize, train: bool) -> Result<Parts> {
        let convolutions @ [s1, s2] = self.convolutions(batch);
        let [(conv1, _), (conv2, _)] = &self.fit.convolutions;
        let linear = self.linear(batch);
        let images = Pixels::Packed {
            order: tape.shared(&[batch], Shared::Order),
            images: tape.shared(&[batch, self.pixels / 4], Shared::Images),
        };
        // The last tile of images is always whole: what is past the batch is computed and dropped.
        let rows = tape.tensor("rows", &[linear.padded_batch(), linear.row.len]);
        let tensor = tape.tensor("pool1", &s1.padded());
        let [.., pitch] = s1.padded();
        let pool1 = Pooled { tensor, stride: s1.padded()[1..].iter().product(), at: 0, pitch };
        let [.., pitch] = s2.pooled();
        let pool2 = Pooled { tensor: rows, stride: linear.row.len, at: linear.row.features, pitch };

        let winner1 = conv_pool(tape, conv1, s1, images, pool1)?;
        let winner2 = conv_pool(tape, conv2, s2, Pixels::Tensor(pool1.tensor), pool2)?;
        linear_layers(tape, &linear, rows, train)?;
        let [digit, sum] = &self.fit.heads;
        tape.answer(digit, rows, linear.row.digit_logits, linear.stack.out1.shape.outputs);
        tape.answer(sum, rows, linear.row.sum_logits, linear.stack.out2.shape.outputs);
        Ok(Parts { convolutions, images, pool1, pool2, winners: [winner1, winner2], linear, rows })
    }

    fn backward(&self, tape: &mut Tape, batch: usize, parts: &Parts) -> Result<()> {
        let &Parts { convolutions: [s1, s2], images, pool1, pool2, winners, ref linear, rows } = parts;
        let [(conv1, _), (conv2, _)] = &self.fit.convolutions;
        linear_layers_gradients(tape, linear, rows)?;
        // Both convolutions' parameters come first in the flat buffers.
        let partial = tape.tensor("partial gradients", &[slots(batch), linear.stack.fc1.weight]);
        let d_pool1 = tape.tensor("d pool1", &s1.padded());

        let dy = Pooled { at: linear.row.d_features, ..pool2 };
        let backward = Backward { dy, winner: winners[1], dx: Some(d_pool1), partial };
        conv_pool_gradients(tape, conv2, s2, Pixels::Tensor(pool1.tensor), backward)?;
        let dy = Pooled { tensor: d_pool1, ..pool1 };
        let backward = Backward { dy, winner: winners[0], dx: None, partial };
        conv_pool_gradients(tape, conv1, s1, images, backward)?;
        adam(tape, linear.stack.flat_len, self.adam, Some(partial))
    }
}

/// Parts into which the batch is cut for the convolutions' weights: 16, or more where one would hold more
/// than 4 images, whose loops together would be longer than a software driver lets an invocation run.
fn slots(batch: usize) -> usize {
    batch.div_ceil(4).next_multiple_of(16).max(16)
}
