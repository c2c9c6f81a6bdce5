//! The network in a few large dispatches: what is computed together is kept in registers.
//!
//! | dispatch | reads | leaves |
//! |---|---|---|
//! | conv1 | packed images | pool1, its winners |
//! | conv2 | pool1 | pool2 (in the rows), its winners |
//! | dense | rows | all linear activations and gradients (in the rows), outcomes |
//! | dense gradient | rows | gradients of fc1, fc2, fc3, out1, out2 |
//! | conv2 input | rows, winners | gradient of pool1 |
//! | conv2, conv1 weights | patches, winners | gradients by slots of images |
//! | batch sums, Adam, metrics | | |

use super::Programs;
use crate::gpu::shader::Constant;
use crate::graph::Tape;
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops::adam::{Adam, adam};
use crate::ops::batch_sum::batch_sum;
use crate::ops::conv2d::Conv2d;
use crate::program::{Program, Shared, Tensor};
use crate::train::Loss;
use crate::{Error, Result};

type Constants = Vec<(&'static str, Constant)>;

/// The fused programs of a network.
#[derive(Clone, Copy, Debug)]
pub struct Fused {
    /// The network's sizes.
    pub sizes: Sizes,
    /// The loss.
    pub loss: Loss,
}

/// Images that one workgroup of `dense` computes.
const IMAGES: usize = 16;
/// Invocations of a workgroup of `dense`, and outputs of a tile.
const THREADS: usize = 16;
const TILE_B: usize = 8;
const TILE_O: usize = 8;

/// Where an image's activations and gradients lie in its row, in words, each at a multiple of 4.
#[derive(Clone, Debug)]
pub struct Row {
    places: Vec<(&'static str, usize, usize)>,
}

impl Row {
    /// The row of a network.
    pub fn new(sizes: &Sizes) -> Self {
        let features = sizes.flat() + sizes.fc1;
        let classes = DIGITS.next_multiple_of(4) + SUMS;
        let mut at = 0;
        let places = [
            ("FEATURES", features),
            ("H2", sizes.fc2),
            ("H3", sizes.fc3),
            ("LOGITS", classes),
            ("D_LOGITS", classes),
            ("D_H3", sizes.fc3),
            ("D_H2", sizes.fc2),
            ("D_FEATURES", features),
            // dense_gradient reads whole tiles, so what comes last must have room behind it.
            ("NUMBER", DIGITS.next_multiple_of(TILE_O)),
        ]
        .map(|(name, len)| {
            let start = at;
            at += len.next_multiple_of(4);
            (name, start, len)
        });
        Self { places: places.to_vec() }
    }

    /// First word of a part of the row.
    pub fn at(&self, name: &str) -> usize {
        self.places.iter().find(|(known, ..)| *known == name).map_or(0, |&(_, at, _)| at)
    }

    /// Words of the row.
    pub fn len(&self) -> usize {
        self.places.last().map_or(0, |&(_, at, len)| at + len.next_multiple_of(4))
    }

    /// Whether it has no word.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Programs for Fused {
    fn training(&self, batch: usize) -> Result<Program> {
        self.program(batch, true)
    }

    fn evaluation(&self, batch: usize) -> Result<Program> {
        self.program(batch, false)
    }
}

impl Fused {
    fn program(&self, batch: usize, train: bool) -> Result<Program> {
        let mut tape = Tape::new(&self.sizes, batch);
        let mut writer = Writer { tape: &mut tape, sizes: self.sizes, row: Row::new(&self.sizes), batch };
        writer.network(self.loss, train)?;
        Ok(tape.finish())
    }
}

struct Writer<'a> {
    tape: &'a mut Tape,
    sizes: Sizes,
    row: Row,
    batch: usize,
}

impl Writer<'_> {
    fn network(&mut self, loss: Loss, train: bool) -> Result<()> {
        let Self { sizes, batch, .. } = *self;
        let (conv1, conv2) = (sizes.conv1(batch), sizes.conv2(batch));
        let pooled = |conv: Conv2d| {
            let pool = conv.pooled(sizes.window);
            [batch, conv.out_channels, pool.out_height(), pool.out_width()]
        };
        // The images of the last tile are always whole: padding is computed and dropped.
        let rows = self.tape.tensor("rows", &[batch.next_multiple_of(IMAGES), self.row.len()]);
        let outcomes = self.tape.tensor("outcomes", &[batch.next_multiple_of(IMAGES), 3]);
        let pool1 = self.tape.tensor("pool1", &pooled(conv1));
        let winner1 = self.tape.tensor("pool1 winner", &pooled(conv1));
        let winner2 = self.tape.tensor("pool2 winner", &pooled(conv2));
        let dense_1 = [self.row_stride(conv1), 0];
        let features = [self.row.len(), self.row.at("FEATURES")];

        let input = self.input();
        self.conv("conv1", "packed", conv1, sizes.conv1, &input, [pool1, winner1], dense_1)?;
        self.conv("conv2", "forward", conv2, 4, &[("x", pool1)], [rows, winner2], features)?;
        self.dense(rows, outcomes, loss, train)?;
        if train {
            let d_pool1 = self.tape.tensor("d pool1", &pooled(conv1));
            let d_features = [self.row.len(), self.row.at("D_FEATURES")];
            self.dense_gradient(rows)?;
            self.conv_input(conv2, [rows, winner2, d_pool1], d_features)?;
            let slots = [8, 64];
            self.conv_weights("conv2", "weights", conv2, [4, slots[0]], &[("x", pool1)], [rows, winner2], d_features)?;
            self.conv_weights("conv1", "weights_packed", conv1, [3, slots[1]], &input, [d_pool1, winner1], dense_1)?;
            adam(self.tape, sizes.flat_len(), Adam::default());
        }
        let cursor = self.tape.shared("cursor", &[2], Shared::Cursor);
        let records = self.tape.shared("records", &[1, 3], Shared::Records);
        let bindings = [("cursor", cursor), ("outcomes", outcomes), ("records", records)];
        self.tape.dispatch("metrics", ["metrics", "add_up"], &[("BATCH", batch.into())], &bindings, [1, 1, 1]);
        Ok(())
    }

    /// Words of an image in a dense pooled tensor.
    fn row_stride(&self, conv: Conv2d) -> usize {
        let pool = conv.pooled(self.sizes.window);
        conv.out_channels * pool.out_height() * pool.out_width()
    }

    /// What picks a batch out of the data set.
    fn input(&mut self) -> [(&'static str, Tensor); 3] {
        let words = self.sizes.side * self.sizes.side / 4;
        [
            ("cursor", self.tape.shared("cursor", &[2], Shared::Cursor)),
            ("order", self.tape.shared("order", &[self.batch], Shared::Order)),
            ("images", self.tape.shared("images", &[self.batch, words], Shared::Images)),
        ]
    }

    fn conv_constants(conv: Conv2d, group: usize) -> Constants {
        vec![
            ("IN", conv.in_channels.into()),
            ("HEIGHT", conv.height.into()),
            ("WIDTH", conv.width.into()),
            ("OUT", conv.out_channels.into()),
            ("K", conv.kernel.into()),
            ("GROUP", group.into()),
        ]
    }

    #[allow(clippy::too_many_arguments)]
    fn conv(
        &mut self,
        name: &str,
        entry: &'static str,
        conv: Conv2d,
        group: usize,
        input: &[(&'static str, Tensor)],
        [y, winner]: [Tensor; 2],
        [stride, at]: [usize; 2],
    ) -> Result<()> {
        let w = self.tape.parameter(&format!("{name}.weight"))?;
        let bias = self.tape.parameter(&format!("{name}.bias"))?;
        let pool = conv.pooled(self.sizes.window);
        let mut constants = Self::conv_constants(conv, group);
        constants.extend([("Y_STRIDE", stride.into()), ("Y_AT", at.into())]);
        let mut bindings = input.to_vec();
        bindings.extend([("w", w), ("bias", bias), ("y", y), ("winner", winner)]);
        let threads = [pool.out_width() / 2 * pool.out_height() * conv.out_channels / group, self.batch, 1];
        self.tape.dispatch(name, ["conv_pool", entry], &constants, &bindings, threads);
        Ok(())
    }

    fn conv_input(&mut self, conv: Conv2d, [dy, winner, dx]: [Tensor; 3], [stride, at]: [usize; 2]) -> Result<()> {
        let w = self.tape.parameter("conv2.weight")?;
        let group = 6;
        let mut constants = Self::conv_constants(conv, group);
        constants.extend([("DY_STRIDE", stride.into()), ("DY_AT", at.into())]);
        let bindings = [("w", w), ("dy", dy), ("winner", winner), ("dx", dx)];
        let threads = [conv.width / 4 * conv.height / 2 * conv.in_channels / group, self.batch, 1];
        self.tape.dispatch("conv2", ["conv_pool_backward", "input"], &constants, &bindings, threads);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn conv_weights(
        &mut self,
        name: &str,
        entry: &'static str,
        conv: Conv2d,
        [group, slots]: [usize; 2],
        input: &[(&'static str, Tensor)],
        [dy, winner]: [Tensor; 2],
        [stride, at]: [usize; 2],
    ) -> Result<()> {
        let w = self.tape.parameter(&format!("{name}.weight"))?;
        let bias = self.tape.parameter(&format!("{name}.bias"))?;
        let (dw, db) = (self.tape.gradient(w), self.tape.gradient(bias));
        let w_size: usize = self.tape.shape(w).iter().product();
        let dw_each = self.tape.tensor(format!("d {name}.weight of each slot"), &[slots, w_size]);
        let db_each = self.tape.tensor(format!("d {name}.bias of each slot"), &[slots, conv.out_channels]);
        let mut constants = Self::conv_constants(conv, group);
        constants.extend([
            ("BATCH", self.batch.into()),
            ("SLOTS", slots.into()),
            ("DY_STRIDE", stride.into()),
            ("DY_AT", at.into()),
        ]);
        let mut bindings = input.to_vec();
        bindings.extend([("dy", dy), ("winner", winner), ("dw_each", dw_each), ("db_each", db_each)]);
        let threads = [slots, conv.in_channels * conv.out_channels / group, 1];
        self.tape.dispatch(name, ["conv_pool_backward", entry], &constants, &bindings, threads);
        batch_sum(self.tape, name, dw_each, dw);
        batch_sum(self.tape, name, db_each, db);
        Ok(())
    }

    fn dense(&mut self, rows: Tensor, outcomes: Tensor, loss: Loss, train: bool) -> Result<()> {
        let Self { sizes, batch, .. } = *self;
        let mut constants: Constants = vec![
            ("BATCH", batch.into()),
            ("IMAGES", IMAGES.into()),
            ("THREADS", THREADS.into()),
            ("TILE_B", TILE_B.into()),
            ("TILE_Q", (TILE_O / 4).into()),
            ("SCALE", (1.0 / (2 * batch) as f32).into()),
            ("DOUBLE_SOFTMAX", (loss == Loss::DoubleSoftmax).into()),
            ("BACKWARD", train.into()),
            ("FLAT", sizes.flat().into()),
            ("ADDENDS", DIGITS.into()),
            ("FC1", sizes.fc1.into()),
            ("FC2", sizes.fc2.into()),
            ("FC3", sizes.fc3.into()),
            ("DIGITS", DIGITS.into()),
            ("SUMS", SUMS.into()),
            ("STRIDE", (self.row.len() / 4).into()),
        ];
        constants.extend(self.row.places.iter().map(|&(name, at, _)| (name, (at / 4).into())));
        let place = |name: &str| {
            let found = sizes.parameters().into_iter().find(|parameter| parameter.name == name);
            found.map(|p| p.offset).ok_or_else(|| Error::Usage(format!("no parameter `{name}`")))
        };
        for (constant, name) in [
            ("FC1_W", "fc1.weight"),
            ("FC1_B", "fc1.bias"),
            ("FC2_W", "fc2.weight"),
            ("FC2_B", "fc2.bias"),
            ("FC3_W", "fc3.weight"),
            ("FC3_B", "fc3.bias"),
            ("OUT1_W", "out1.weight"),
            ("OUT1_B", "out1.bias"),
            ("OUT2_W", "out2.weight"),
            ("OUT2_B", "out2.bias"),
        ] {
            constants.push((constant, place(name)?.into()));
        }
        let parameters = self.tape.shared("parameters", &[sizes.flat_len()], Shared::Parameters);
        let [cursor, order, _] = self.input();
        let bindings = [
            cursor,
            order,
            ("labels", self.tape.shared("labels", &[batch], Shared::Labels)),
            ("addends", self.tape.shared("addends", &[batch], Shared::Addends)),
            ("parameters", parameters),
            ("rows", rows),
            ("outcomes", outcomes),
        ];
        let threads = [batch.div_ceil(IMAGES) * THREADS, 1, 1];
        self.tape.dispatch("dense", ["dense", "train"], &constants, &bindings, threads);
        Ok(())
    }

    fn dense_gradient(&mut self, rows: Tensor) -> Result<()> {
        let jobs = self.jobs();
        let count = jobs.len() / 8;
        let jobs = self.tape.constant("jobs", &[count, 8], jobs);
        let gradients = self.tape.shared("gradients", &[self.sizes.flat_len()], Shared::Gradients);
        let constants =
            [("BATCH", self.batch.into()), ("STRIDE", (self.row.len() / 4).into()), ("QUADS", (TILE_O / 4).into())];
        let bindings = [("jobs", jobs), ("rows", rows), ("gradients", gradients)];
        self.tape.dispatch("dense", ["dense_gradient", "weights"], &constants, &bindings, [count, 1, 1]);
        Ok(())
    }

    /// The tiles of all linear layers, eight words each; padded to whole workgroups with empty tiles.
    fn jobs(&self) -> Vec<u32> {
        let Self { sizes, row, .. } = self;
        let layers = [
            ("fc1", row.at("D_FEATURES") + sizes.flat(), row.at("NUMBER")),
            ("fc2", row.at("D_H2"), row.at("FEATURES")),
            ("fc3", row.at("D_H3"), row.at("H2")),
            ("out1", row.at("D_LOGITS"), row.at("H3")),
            ("out2", row.at("D_LOGITS") + DIGITS.next_multiple_of(4), row.at("H3")),
        ];
        let parameters = sizes.parameters();
        let mut jobs = Vec::new();
        for (layer, d_at, x_at) in layers {
            let find = |kind: &str| parameters.iter().find(|p| p.name == format!("{layer}.{kind}"));
            let (Some(w), Some(bias)) = (find("weight"), find("bias")) else { continue };
            let [outputs, inputs] = [w.shape[0], w.shape[1]];
            for o in (0..outputs).step_by(TILE_O) {
                for i in (0..inputs).step_by(TILE_O) {
                    let db_at = if i == 0 { bias.offset + o } else { u32::MAX as usize };
                    let job = [
                        d_at + o,
                        x_at + i,
                        w.offset + o * inputs + i,
                        inputs,
                        (outputs - o).min(TILE_O),
                        (inputs - i).min(TILE_O),
                        db_at,
                        0,
                    ];
                    jobs.extend(job.map(|word| word as u32));
                }
            }
        }
        jobs.resize(jobs.len().next_multiple_of(8 * 8), 0);
        jobs
    }
}
