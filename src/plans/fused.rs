//! The network in a few large dispatches: what is computed together is kept in registers.
//!
//! | dispatch | reads | leaves |
//! |---|---|---|
//! | conv1 | packed images | pool1, its winners |
//! | conv2 | pool1 | pool2 (in the rows), its winners |
//! | dense images | rows | all linear activations and their gradients (in the rows), records |
//! | dense gradients | rows | gradients of fc1, fc2, fc3, out1, out2 |
//! | conv2 gradients | rows, pool1, winners | gradients of pool1, and of its parameters by slots of images |
//! | conv1 gradients | gradient of pool1, packed images, winners | those of its parameters, by slots |
//! | Adam | gradients, the slots' added up | parameters |

use super::Programs;
use super::tiles::Tiles;
use crate::graph::Tape;
use crate::network::Sizes;
use crate::ops::adam::{Adam, adam};
use crate::ops::conv_pool::{ConvPool, Gradients, Input, Pooled, WINDOW, conv_pool, conv_pool_gradients};
use crate::ops::dense::{Dense, Row, dense};
use crate::ops::dense_gradients::dense_gradients;
use crate::program::{Program, Shared};
use crate::train::Loss;
use crate::{Error, Result};

/// The fused programs of a network.
#[derive(Clone, Copy, Debug)]
pub struct Fused {
    /// The network's sizes.
    pub sizes: Sizes,
    /// The loss.
    pub loss: Loss,
    /// How much an invocation computes.
    pub tiles: Tiles,
}

impl Programs for Fused {
    fn training(&self, batch: usize) -> Result<Program> {
        self.program(batch, true)
    }

    fn evaluation(&self, batch: usize) -> Result<Program> {
        self.program(batch, false)
    }

    fn logits(&self) -> [(&'static str, usize); 2] {
        let row = Dense::new(self.sizes, 1, self.loss, self.tiles.dense).row;
        let at = row.at("LOGITS");
        [("rows", at), ("rows", at + Row::sums_at())]
    }
}

impl Fused {
    /// Both convolutions, in tiles that are made to fit.
    pub fn convolutions(&self, batch: usize) -> [ConvPool; 2] {
        let Self { sizes, tiles, .. } = self;
        [(sizes.conv1(batch), tiles.conv1), (sizes.conv2(batch), tiles.conv2)]
            .map(|(conv, tiles)| ConvPool { conv, tiles: tiles.fitted(&conv) })
    }

    fn program(&self, batch: usize, train: bool) -> Result<Program> {
        self.sizes.check()?;
        if self.sizes.window != WINDOW {
            let window = self.sizes.window;
            return Err(Error::Usage(format!("the pooling window, {window}, must be {WINDOW}")));
        }
        let mut tape = Tape::new(&self.sizes, batch);
        self.write_down(&mut tape, batch, train)?;
        Ok(tape.finish())
    }

    fn write_down(&self, tape: &mut Tape, batch: usize, train: bool) -> Result<()> {
        let sizes = &self.sizes;
        let [s1, s2] = self.convolutions(batch);
        let linear = Dense::new(*sizes, batch, self.loss, self.tiles.dense);
        let words = linear.row.words();
        let pixels = sizes.side * sizes.side / 4;
        let images = Input::Packed {
            order: tape.shared("order", &[batch], Shared::Order),
            images: tape.shared("images", &[batch, pixels], Shared::Images),
        };
        let [.., pitch1] = s1.padded();
        let [.., pitch2] = s2.pooled();
        let stride1 = s1.padded()[1..].iter().product();
        // The last tile of images is always whole: what is behind the batch is computed and dropped.
        let rows = tape.tensor("rows", &[linear.padded_batch(), words]);
        let pool1 = tape.tensor("pool1", &s1.padded());

        let y1 = Pooled { tensor: pool1, stride: stride1, at: 0, pitch: pitch1 };
        let winner1 = conv_pool(tape, "conv1", s1, images, y1)?;
        let y2 = Pooled { tensor: rows, stride: words, at: linear.row.at("FEATURES"), pitch: pitch2 };
        let winner2 = conv_pool(tape, "conv2", s2, Input::Tensor(pool1), y2)?;
        dense(tape, &linear, rows, train)?;
        if train {
            dense_gradients(tape, &linear, rows)?;
            // Both convolutions' parameters come first in the flat buffers.
            let words = sizes.parameters().iter().find(|p| p.name == "fc1.weight").map_or(0, |p| p.offset);
            let partial = tape.tensor("partial gradients", &[slots(batch), words]);
            let d_pool1 = tape.tensor("d pool1", &s1.padded());
            let dy = Pooled { at: linear.row.at("D_FEATURES"), ..y2 };
            let gradients = Gradients { dy, winner: winner2, dx: Some(d_pool1), partial };
            conv_pool_gradients(tape, "conv2", s2, Input::Tensor(pool1), gradients)?;
            let dy = Pooled { tensor: d_pool1, ..y1 };
            let gradients = Gradients { dy, winner: winner1, dx: None, partial };
            conv_pool_gradients(tape, "conv1", s1, images, gradients)?;
            adam(tape, sizes.flat_len(), Adam::default(), Some(partial))?;
        }
        Ok(())
    }
}

/// Parts into which the batch is cut for the convolutions' weights: 16, or more where one would hold more
/// than 4 images, whose loops together would be longer than a software driver lets an invocation run.
fn slots(batch: usize) -> usize {
    batch.div_ceil(4).next_multiple_of(16).max(16)
}
