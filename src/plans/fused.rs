//! The network in a few large dispatches: what is computed together is kept in registers.
//!
//! | dispatch | reads | leaves |
//! |---|---|---|
//! | conv1 | packed images | pool1, its winners |
//! | conv2 | pool1 | pool2 (in the rows), its winners |
//! | dense images | rows | all linear activations and their gradients (in the rows), outcomes |
//! | dense gradients | rows | gradients of fc1, fc2, fc3, out1, out2 |
//! | conv2 input | rows, winners | gradient of pool1 |
//! | conv2 and conv1 weights | regions, winners | their gradients, by slots of images |
//! | batch sums, Adam, metrics | | |

use super::Programs;
use crate::Result;
use crate::graph::Tape;
use crate::network::Sizes;
use crate::ops::adam::{Adam, adam};
use crate::ops::conv_pool::{ConvPool, Input, Pooled, conv_pool, conv_pool_input, conv_pool_weights};
use crate::ops::dense::{Dense, IMAGES, Row, dense, dense_gradients};
use crate::ops::metrics::add_up;
use crate::program::{Program, Shared};
use crate::train::Loss;

/// The fused programs of a network.
#[derive(Clone, Copy, Debug)]
pub struct Fused {
    /// The network's sizes.
    pub sizes: Sizes,
    /// The loss.
    pub loss: Loss,
}

impl Programs for Fused {
    fn training(&self, batch: usize) -> Result<Program> {
        self.program(batch, true)
    }

    fn evaluation(&self, batch: usize) -> Result<Program> {
        self.program(batch, false)
    }

    fn logits(&self) -> [(&'static str, usize); 2] {
        let at = Row::new(&self.sizes).at("LOGITS");
        [("rows", at), ("rows", at + Row::sums_at())]
    }
}

impl Fused {
    fn program(&self, batch: usize, train: bool) -> Result<Program> {
        let mut tape = Tape::new(&self.sizes, batch);
        self.write_down(&mut tape, batch, train)?;
        Ok(tape.finish())
    }

    fn write_down(&self, tape: &mut Tape, batch: usize, train: bool) -> Result<()> {
        let sizes = &self.sizes;
        let s1 = tiles(ConvPool {
            conv: sizes.conv1(batch),
            forward_group: 6,
            input_group: 1,
            weights_group: 3,
            slots: slots(batch, 64, 4),
        });
        let s2 = tiles(ConvPool {
            conv: sizes.conv2(batch),
            forward_group: 4,
            input_group: 6,
            weights_group: 4,
            slots: slots(batch, 8, 16),
        });
        let linear = Dense::new(*sizes, batch, self.loss);
        let words = linear.row.words();
        let pixels = sizes.side * sizes.side / 4;
        let images = Input::Packed {
            cursor: tape.shared("cursor", &[2], Shared::Cursor),
            order: tape.shared("order", &[batch], Shared::Order),
            images: tape.shared("images", &[batch, pixels], Shared::Images),
        };
        let stride1 = s1.pooled()[1..].iter().product();
        // The last tile of images is always whole: what is behind the batch is computed and dropped.
        let rows = tape.tensor("rows", &[batch.next_multiple_of(IMAGES), words]);
        let pool1 = tape.tensor("pool1", &s1.pooled());

        let y1 = Pooled { tensor: pool1, stride: stride1, at: 0 };
        let winner1 = conv_pool(tape, "conv1", s1, images, y1)?;
        let y2 = Pooled { tensor: rows, stride: words, at: linear.row.at("FEATURES") };
        let winner2 = conv_pool(tape, "conv2", s2, Input::Tensor(pool1), y2)?;
        let outcomes = dense(tape, &linear, rows, train)?;
        if train {
            dense_gradients(tape, &linear, rows)?;
            let d_pool1 = tape.tensor("d pool1", &s1.pooled());
            let dy2 = Pooled { tensor: rows, stride: words, at: linear.row.at("D_FEATURES") };
            conv_pool_input(tape, "conv2", s2, dy2, winner2, d_pool1)?;
            conv_pool_weights(tape, "conv2", s2, Input::Tensor(pool1), dy2, winner2)?;
            let dy1 = Pooled { tensor: d_pool1, stride: stride1, at: 0 };
            conv_pool_weights(tape, "conv1", s1, images, dy1, winner1)?;
            adam(tape, sizes.flat_len(), Adam::default());
        }
        add_up(tape, batch, outcomes);
        Ok(())
    }
}

/// The largest groups that divide the channels and are not above the wanted ones.
fn tiles(s: ConvPool) -> ConvPool {
    let divisor = |channels: usize, most: usize| {
        (1..=most).rev().find(|group| channels.is_multiple_of(*group)).unwrap_or(1)
    };
    ConvPool {
        forward_group: divisor(s.conv.out_channels, s.forward_group),
        input_group: divisor(s.conv.in_channels, s.input_group),
        weights_group: divisor(s.conv.out_channels, s.weights_group),
        ..s
    }
}

/// Parts into which the batch is cut: `least`, or more where one would hold more than `images`, whose
/// loops together would be longer than a software driver lets an invocation run.
fn slots(batch: usize, least: usize, images: usize) -> usize {
    batch.div_ceil(images).next_multiple_of(least).max(least)
}
