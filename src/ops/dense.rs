//! The whole linear part of the network, forward and backward, but for the gradients of its parameters.

use super::dense_gradients::GradientTile;
use crate::gpu::device::LIMITS;
use crate::gpu::shader::Constant;
use crate::graph::Tape;
use crate::network::{ALIGN, DIGITS, SUMS, Sizes};
use crate::program::{Shared, Tensor};
use crate::train::Loss;
use crate::{Error, Result};

/// How the work is cut up. The order of every sum is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// Images that one workgroup computes.
    pub images: usize,
    /// Its invocations.
    pub threads: usize,
    /// Images of the tile that one invocation computes at once; divides `images`.
    pub tile_images: usize,
    /// Outputs of that tile, a multiple of 4.
    pub tile_outputs: usize,
    /// Whether weights are read from uniform buffers, where they fit.
    pub uniform: bool,
    /// Neighbouring invocations that load the images' activations together, each those of every `lanes`-th
    /// image: 1, or as many as the device has lanes. With more than 1 a tile holds all images of a workgroup.
    pub lanes: usize,
    /// The tile of a weight matrix that one invocation of the gradients' kernel computes.
    pub gradients: GradientTile,
}

impl Tiles {
    /// These tiles made to fit a network: the widest that divide its layers and are no wider. Over large
    /// batches the gradients' tiles are smaller: a software driver ends loops that run too long.
    pub fn fitted(self, sizes: &Sizes, batch: usize) -> Self {
        let widths = [sizes.flat() + sizes.fc1, sizes.fc2, sizes.fc3];
        let fits = |outputs: &usize| widths.iter().all(|width| width.is_multiple_of(*outputs));
        let mut quads = (1..=self.tile_outputs / 4).rev().map(|quads| 4 * quads);
        let tile_outputs = quads.find(fits).unwrap_or(4);
        let small = GradientTile { outputs: 8, inputs: 8, lanes: 1 };
        let Self { gradients: GradientTile { outputs, inputs, .. }, .. } = self;
        let gradients = if batch > 2048 && outputs * inputs > 64 { small } else { self.gradients };
        Self { tile_outputs, gradients, ..self }
    }
}

/// Weights as uniform buffers, in words of the flat parameters: the halves of fc2's weights, and all that
/// lies behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Windows {
    low: usize,
    half: usize,
    behind: usize,
    behind_len: usize,
}

/// Where an image's activations and gradients lie in its row. All places are in words, multiples of 4.
#[derive(Clone, Debug)]
pub struct Row {
    places: Vec<(&'static str, usize)>,
    len: usize,
}

impl Row {
    /// The row of a network.
    pub fn new(sizes: &Sizes, tiles: &Tiles) -> Self {
        let features = sizes.flat() + sizes.fc1;
        let mut len = 0;
        let parts = [
            ("FEATURES", features),
            ("H2", sizes.fc2),
            ("H3", sizes.fc3),
            ("LOGITS", Self::sums_at() + SUMS),
            ("D_LOGITS", Self::sums_at() + SUMS),
            ("D_H3", sizes.fc3),
            ("D_H2", sizes.fc2),
            ("NUMBER", DIGITS),
            // Whole tiles and lanes are read, so what comes last must have room behind it.
            ("D_FEATURES", sizes.flat() + sizes.fc1.next_multiple_of(tiles.gradients.outputs)),
        ];
        let places = parts.map(|(name, words)| {
            let at = len;
            len += words.next_multiple_of(4);
            (name, at)
        });
        Self { places: places.to_vec(), len }
    }

    /// First word of a part, by the name of the shader's constant.
    pub fn at(&self, part: &str) -> usize {
        self.places.iter().find(|(name, _)| *name == part).map_or(0, |&(_, at)| at)
    }

    /// Words of a row.
    pub fn words(&self) -> usize {
        self.len
    }

    /// First word of the sum head's logits behind the digit head's.
    pub fn sums_at() -> usize {
        DIGITS.next_multiple_of(4)
    }
}

/// The linear part of a network for a batch.
#[derive(Clone, Debug)]
pub struct Dense {
    /// The network.
    pub sizes: Sizes,
    /// Images at once.
    pub batch: usize,
    /// The loss.
    pub loss: Loss,
    /// How the work is cut up.
    pub tiles: Tiles,
    /// The rows' layout.
    pub row: Row,
}

impl Dense {
    /// The linear part of a network, in tiles that are made to fit.
    pub fn new(sizes: Sizes, batch: usize, loss: Loss, tiles: Tiles) -> Self {
        let tiles = tiles.fitted(&sizes, batch);
        Self { sizes, batch, loss, tiles, row: Row::new(&sizes, &tiles) }
    }

    /// The batch in whole workgroups.
    pub fn padded_batch(&self) -> usize {
        self.batch.next_multiple_of(self.tiles.images)
    }

    /// Fails where the kernels cannot handle a size, naming it.
    pub fn check(&self) -> Result<()> {
        let Sizes { fc1, fc2, fc3, .. } = self.sizes;
        for (what, size, divisor) in [
            ("flattened features", self.sizes.flat(), 4),
            ("outputs of fc1", fc1, 4),
            ("outputs of fc2", fc2, 4),
            ("outputs of fc3", fc3, 4),
            ("images of a workgroup", self.tiles.images, self.tiles.tile_images),
            ("invocations of a workgroup", self.tiles.threads, self.tiles.lanes),
            ("images of a tile", self.tiles.tile_images, self.tiles.lanes),
            ("outputs of a gradients' tile", self.tiles.gradients.outputs, 4 * self.tiles.gradients.lanes),
        ] {
            if size == 0 || !size.is_multiple_of(divisor) {
                return Err(Error::Usage(format!(
                    "dense: the {what}, {size}, must be a multiple of {divisor}"
                )));
            }
        }
        let Tiles { images, tile_images, lanes, .. } = self.tiles;
        if lanes > 1 && images != tile_images {
            return Err(Error::Usage(format!("dense: {lanes} lanes need a tile of all {images} images")));
        }
        Ok(())
    }

    /// Multiply-adds of the forward pass, and of the weights' gradients.
    pub fn multiply_adds(&self) -> usize {
        let Self { sizes: s, batch, .. } = self;
        let layers = [s.fc1(*batch), s.fc2(*batch), s.fc3(*batch), s.out1(*batch), s.out2(*batch)];
        layers.iter().map(|layer| layer.multiply_adds()).sum()
    }

    fn constants(&self, backward: bool) -> Result<Vec<(&'static str, Constant)>> {
        let Self { sizes, batch, loss, tiles, row } = self;
        let mut constants: Vec<(&'static str, Constant)> = vec![
            ("BATCH", (*batch).into()),
            ("IMAGES", tiles.images.into()),
            ("THREADS", tiles.threads.into()),
            ("TILE_B", tiles.tile_images.into()),
            ("TILE_Q", (tiles.tile_outputs / 4).into()),
            ("DOUBLE_SOFTMAX", (*loss == Loss::DoubleSoftmax).into()),
            ("LANES", tiles.lanes.into()),
            ("BACKWARD", backward.into()),
            ("FLAT", sizes.flat().into()),
            ("ADDENDS", DIGITS.into()),
            ("FC1", sizes.fc1.into()),
            ("FC2", sizes.fc2.into()),
            ("FC3", sizes.fc3.into()),
            ("DIGITS", DIGITS.into()),
            ("SUMS", SUMS.into()),
            ("ROW_QUADS", (row.words() / 4).into()),
        ];
        constants.extend(row.places.iter().map(|&(name, at)| (name, (at / 4).into())));
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
            constants.push((constant, self.place(name)?.into()));
        }
        let windows = self.windows()?;
        constants.push(("UNIFORM", windows.is_some().into()));
        if let Some(Windows { half, behind_len, .. }) = windows {
            constants.extend([("FC2_QUADS", (half / 2).into()), ("BEHIND_QUADS", (behind_len / 4).into())]);
        }
        Ok(constants)
    }

    /// The first word of a parameter in the flat buffer.
    fn place(&self, name: &str) -> Result<usize> {
        let parameter = self.sizes.parameters().into_iter().find(|parameter| parameter.name == name);
        let missing = || Error::Usage(format!("the network has no parameter `{name}`"));
        parameter.map(|parameter| parameter.offset).ok_or_else(missing)
    }

    /// The weights as uniform buffers, if the tiles want that and they fit.
    fn windows(&self) -> Result<Option<Windows>> {
        let Sizes { fc1, fc2, .. } = self.sizes;
        let (low, behind) = (self.place("fc2.weight")?, self.place("fc2.bias")?);
        let half = (self.sizes.flat() + fc1) * fc2 / 2;
        let behind_len = self.sizes.flat_len() - behind;
        let fits = fc2.is_multiple_of(2 * self.tiles.tile_outputs)
            && half.is_multiple_of(ALIGN)
            && 4 * half.max(behind_len) as u64 <= LIMITS.max_uniform_buffer_binding_size;
        Ok((self.tiles.uniform && fits).then_some(Windows { low, half, behind, behind_len }))
    }
}

/// Adds the linear part on `rows [padded batch, words of a row]`, whose features pool2 has left
/// there, and the records of the images.
pub fn dense(tape: &mut Tape, s: &Dense, rows: Tensor, backward: bool) -> Result<()> {
    s.check()?;
    let padded = s.padded_batch();
    tape.expect("dense", rows, &[padded, s.row.words()])?;
    // Where they do not serve, they hold what the shader declares by default.
    let none = Windows { low: 0, half: 4, behind: 0, behind_len: 4 };
    let Windows { low, half, behind, behind_len } = s.windows()?.unwrap_or(none);
    let mut window = |name, at, words| (name, tape.flat(name, Shared::Parameters, at, words));
    let windows = [
        window("fc2_low", low, half),
        window("fc2_high", if half > 4 { low + half } else { low }, half),
        window("behind_fc2", behind, behind_len),
    ];
    let mut bindings = vec![
        ("order", tape.shared("order", &[s.batch], Shared::Order)),
        ("labels", tape.shared("labels", &[s.batch], Shared::Labels)),
        ("addends", tape.shared("addends", &[s.batch], Shared::Addends)),
        ("parameters", tape.shared("parameters", &[s.sizes.flat_len()], Shared::Parameters)),
        ("rows", rows),
        ("records", tape.shared("records", &[s.batch, 3], Shared::Records)),
    ];
    bindings.extend(windows);
    let threads = [padded / s.tiles.images * s.tiles.threads, 1, 1];
    tape.dispatch("dense", ["dense", "images"], &s.constants(backward)?, &bindings, threads);
    // The addend gets no gradient.
    let back = if backward { s.multiply_adds() - s.sizes.fc1(s.batch).multiply_adds() } else { 0 };
    tape.flops(2 * (s.multiply_adds() + back));
    Ok(())
}
