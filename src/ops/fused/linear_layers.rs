//! All linear layers of the network, forward and backward, except the gradients of their parameters.

use super::linear_layers_gradients::GradientTile;
use crate::network::{Linear, Loss};
use crate::program::limits::LIMITS;
use crate::program::{ALIGN, Constant, Record, Shared, Tape, Tensor};
use crate::{Error, Result};

/// A linear layer of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its name.
    pub name: String,
    /// Its shape, for one image.
    pub shape: Linear,
    /// First word of its weights in the flat parameters.
    pub weight: usize,
    /// First word of its biases there.
    pub bias: usize,
}

/// The linear layers of a network, each in the role that the kernels know: `fc1` on the number, `fc2` on the
/// image's features and fc1's outputs, `fc3` on fc2, and the heads `out1` (digit) and `out2` (sum) on fc3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Features of the image.
    pub flat: usize,
    /// The number's branch.
    pub fc1: Placed,
    /// The layer on both branches.
    pub fc2: Placed,
    /// The layer after it.
    pub fc3: Placed,
    /// The digit head.
    pub out1: Placed,
    /// The sum head.
    pub out2: Placed,
    /// Floats in the flat parameters.
    pub flat_len: usize,
}

impl Stack {
    /// All layers, in their order in the flat parameters.
    pub fn layers(&self) -> [&Placed; 5] {
        [&self.fc1, &self.fc2, &self.fc3, &self.out1, &self.out2]
    }

    /// Multiply-adds of the forward pass for one image, and of the weights' gradients.
    fn multiply_adds(&self) -> usize {
        self.layers().iter().map(|layer| layer.shape.multiply_adds()).sum()
    }
}

/// How the work is cut up. The order of every sum is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearTiles {
    /// Images that one workgroup computes.
    pub images: usize,
    /// Its invocations.
    pub threads: usize,
    /// Images of the tile that one invocation computes at once; divides `images`.
    pub tile_images: usize,
    /// Outputs of that tile, a multiple of 4.
    pub tile_outputs: usize,
    /// Whether weights are read from uniform buffers, if they fit.
    pub uniform: bool,
    /// Neighbouring invocations that load the images' activations together, each those of every `lanes`-th
    /// image: 1, or as many as the device has lanes. With more than 1 a tile holds all images of a workgroup.
    pub lanes: usize,
    /// The tile of a weight matrix that one invocation of the gradients' kernel computes.
    pub gradients: GradientTile,
}

impl LinearTiles {
    /// These tiles made to fit a network: the widest that divide its layers and are no wider. Over large
    /// batches the gradients' tiles are smaller: a software driver ends loops that run too long.
    pub fn fitted(self, stack: &Stack, batch: usize) -> Self {
        let widths = [stack.fc2.shape.inputs, stack.fc2.shape.outputs, stack.fc3.shape.outputs];
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
/// follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Windows {
    low: usize,
    half: usize,
    behind: usize,
    behind_len: usize,
}

/// Where an image's activations and gradients lie in its row. All places are in words, multiples of 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The image's features, then `relu(fc1)`.
    pub features: usize,
    /// `relu(fc2)`.
    pub h2: usize,
    /// `relu(fc3)`.
    pub h3: usize,
    /// The digit head's logits.
    pub digit_logits: usize,
    /// The sum head's logits.
    pub sum_logits: usize,
    /// Gradients of the digit head's logits.
    pub d_digit_logits: usize,
    /// Gradients of the sum head's logits.
    pub d_sum_logits: usize,
    /// Gradients of fc3's outputs, before the ReLU.
    pub d_h3: usize,
    /// Gradients of fc2's outputs, before the ReLU.
    pub d_h2: usize,
    /// The one-hot number.
    pub number: usize,
    /// Gradients of the features, before the ReLU.
    pub d_features: usize,
    /// Words of a row.
    pub len: usize,
}

impl Row {
    /// The row of a network.
    pub fn new(stack: &Stack, tiles: &LinearTiles) -> Self {
        let mut len = 0;
        let mut place = |words: usize| {
            let at = len;
            len += words.next_multiple_of(4);
            at
        };
        let outputs = |layer: &Placed| layer.shape.outputs;
        let features = place(stack.fc2.shape.inputs);
        let h2 = place(outputs(&stack.fc2));
        let h3 = place(outputs(&stack.fc3));
        let digit_logits = place(outputs(&stack.out1));
        let sum_logits = place(outputs(&stack.out2));
        let d_digit_logits = place(outputs(&stack.out1));
        let d_sum_logits = place(outputs(&stack.out2));
        let d_h3 = place(outputs(&stack.fc3));
        let d_h2 = place(outputs(&stack.fc2));
        let number = place(stack.fc1.shape.inputs);
        // Whole tiles and lanes are read, so what comes last must have room after it.
        let d_features = place(stack.flat + outputs(&stack.fc1).next_multiple_of(tiles.gradients.outputs));
        Self {
            features,
            h2,
            h3,
            digit_logits,
            sum_logits,
            d_digit_logits,
            d_sum_logits,
            d_h3,
            d_h2,
            number,
            d_features,
            len,
        }
    }
}

/// The linear layers of a network for a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearLayers {
    /// The layers.
    pub stack: Stack,
    /// Images at once.
    pub batch: usize,
    /// The loss.
    pub loss: Loss,
    /// How the work is cut up.
    pub tiles: LinearTiles,
    /// The rows' layout.
    pub row: Row,
}

impl LinearLayers {
    /// The linear layers, in tiles that are made to fit.
    pub fn new(stack: Stack, batch: usize, loss: Loss, tiles: LinearTiles) -> Self {
        let tiles = tiles.fitted(&stack, batch);
        let row = Row::new(&stack, &tiles);
        Self { stack, batch, loss, tiles, row }
    }

    /// The batch in whole workgroups.
    pub fn padded_batch(&self) -> usize {
        self.batch.next_multiple_of(self.tiles.images)
    }

    /// Fails where the kernels cannot handle a size, naming it.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check(&self) -> Result<()> {
        let Stack { flat, fc1, fc2, fc3, .. } = &self.stack;
        let outputs = |layer: &Placed| (format!("outputs of {}", layer.name), layer.shape.outputs, 4);
        let named = |what: &str, size: usize, divisor: usize| (what.to_string(), size, divisor);
        for (what, size, divisor) in [
            named("flattened features", *flat, 4),
            outputs(fc1),
            outputs(fc2),
            outputs(fc3),
            named("images of a workgroup", self.tiles.images, self.tiles.tile_images),
            named("invocations of a workgroup", self.tiles.threads, self.tiles.lanes),
            named("images of a tile", self.tiles.tile_images, self.tiles.lanes),
            named(
                "outputs of a gradients' tile",
                self.tiles.gradients.outputs,
                4 * self.tiles.gradients.lanes,
            ),
        ] {
            if size == 0 || !size.is_multiple_of(divisor) {
                return Err(Error::Usage(format!(
                    "linear layers: the {what}, {size}, must be a multiple of {divisor}"
                )));
            }
        }
        let LinearTiles { images, tile_images, lanes, .. } = self.tiles;
        if lanes > 1 && images != tile_images {
            return Err(Error::Usage(format!(
                "linear layers: {lanes} lanes need a tile of all {images} images"
            )));
        }
        Ok(())
    }

    /// Multiply-adds of the forward pass, and of the weights' gradients.
    pub fn multiply_adds(&self) -> usize {
        self.batch * self.stack.multiply_adds()
    }

    fn constants(&self, backward: bool) -> Vec<(&'static str, Constant)> {
        let Self { stack, batch, loss, tiles, row } = self;
        let Stack { flat, fc1, fc2, fc3, out1, out2, .. } = stack;
        let windows = self.windows();
        let mut constants: Vec<(&'static str, Constant)> = vec![
            ("BATCH", (*batch).into()),
            ("IMAGES", tiles.images.into()),
            ("THREADS", tiles.threads.into()),
            ("TILE_B", tiles.tile_images.into()),
            ("TILE_Q", (tiles.tile_outputs / 4).into()),
            ("LANES", tiles.lanes.into()),
            ("DOUBLE_SOFTMAX", (*loss == Loss::DoubleSoftmax).into()),
            ("SMOOTHING", loss.smoothing().into()),
            ("BACKWARD", backward.into()),
            ("UNIFORM", windows.is_some().into()),
            ("FLAT", (*flat).into()),
            ("ADDENDS", fc1.shape.inputs.into()),
            ("FC1", fc1.shape.outputs.into()),
            ("FC2", fc2.shape.outputs.into()),
            ("FC3", fc3.shape.outputs.into()),
            ("DIGITS", out1.shape.outputs.into()),
            ("SUMS", out2.shape.outputs.into()),
        ];
        let quads = [
            ("FEATURES", row.features),
            ("H2", row.h2),
            ("H3", row.h3),
            ("LOGITS", row.digit_logits),
            ("D_LOGITS", row.d_digit_logits),
            ("D_H3", row.d_h3),
            ("D_H2", row.d_h2),
            ("NUMBER", row.number),
            ("D_FEATURES", row.d_features),
            ("ROW_QUADS", row.len),
        ];
        constants.extend(quads.map(|(name, words)| (name, (words / 4).into())));
        let words = [
            ("FC1_W", fc1.weight),
            ("FC1_B", fc1.bias),
            ("FC2_W", fc2.weight),
            ("FC2_B", fc2.bias),
            ("FC3_W", fc3.weight),
            ("FC3_B", fc3.bias),
            ("OUT1_W", out1.weight),
            ("OUT1_B", out1.bias),
            ("OUT2_W", out2.weight),
            ("OUT2_B", out2.bias),
        ];
        constants.extend(words.map(|(name, at)| (name, at.into())));
        if let Some(Windows { half, behind_len, .. }) = windows {
            constants.extend([("FC2_QUADS", (half / 2).into()), ("BEHIND_QUADS", (behind_len / 4).into())]);
        }
        constants
    }

    /// The weights as uniform buffers, if the tiles ask for that and they fit.
    fn windows(&self) -> Option<Windows> {
        let Stack { fc2, flat_len, .. } = &self.stack;
        let Linear { inputs, outputs, .. } = fc2.shape;
        let half = inputs * outputs / 2;
        let behind_len = flat_len - fc2.bias;
        let fits = outputs.is_multiple_of(2 * self.tiles.tile_outputs)
            && half.is_multiple_of(ALIGN)
            && 4 * half.max(behind_len) as u64 <= LIMITS.max_uniform_buffer_binding_size;
        let windows = Windows { low: fc2.weight, half, behind: fc2.bias, behind_len };
        (self.tiles.uniform && fits).then_some(windows)
    }
}

/// Adds the linear layers on `rows [padded batch, words of a row]`, whose features pool2 has left
/// there, and the records of the images.
///
/// # Errors
/// Sizes or tiles that the kernels cannot handle; rows of a different shape.
pub fn linear_layers(tape: &mut Tape, s: &LinearLayers, rows: Tensor, backward: bool) -> Result<()> {
    s.check()?;
    let padded = s.padded_batch();
    tape.expect("linear_layers", rows, &[padded, s.row.len])?;
    // Where they are not used, they have the sizes that the shader declares by default.
    let none = Windows { low: 0, half: 4, behind: 0, behind_len: 4 };
    let Windows { low, half, behind, behind_len } = s.windows().unwrap_or(none);
    let mut window = |name, at, words| (name, tape.flat(name, Shared::Parameters, at, words));
    let windows = [
        window("fc2_low", low, half),
        window("fc2_high", if half > 4 { low + half } else { low }, half),
        window("behind_fc2", behind, behind_len),
    ];
    let mut bindings = vec![
        ("order", tape.shared(&[s.batch], Shared::Order)),
        ("labels", tape.shared(&[s.batch], Shared::Labels)),
        ("addends", tape.shared(&[s.batch], Shared::Addends)),
        ("parameters", tape.shared(&[s.stack.flat_len], Shared::Parameters)),
        ("rows", rows),
        ("records", tape.shared(&[s.batch, 2 * Record::WORDS], Shared::Records)),
    ];
    bindings.extend(windows);
    let threads = [padded / s.tiles.images * s.tiles.threads, 1, 1];
    let kernel = ["linear_layers", "images"];
    tape.dispatch("linear layers", kernel, &s.constants(backward), &bindings, threads);
    // The addend gets no gradient.
    let back = s.multiply_adds() - s.batch * s.stack.fc1.shape.multiply_adds();
    tape.flops(2 * (s.multiply_adds() + if backward { back } else { 0 }));
    Ok(())
}
