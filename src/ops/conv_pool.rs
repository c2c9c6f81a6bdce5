//! Convolution, bias, ReLU and 2x2 max pooling in one go, and its gradients.

use super::batch_sum::batch_sum;
use super::conv2d::Conv2d;
use crate::gpu::shader::Constant;
use crate::graph::Tape;
use crate::program::Tensor;
use crate::{Error, Result};

/// Side of the pooling window.
pub const WINDOW: usize = 2;

/// Bytes that every device can bind as a uniform buffer.
const UNIFORM_BYTES: usize = 16_384;

/// Shapes and tiles of one fused convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvPool {
    /// The convolution; its output is pooled.
    pub conv: Conv2d,
    /// Output channels that one invocation of the forward kernel computes.
    pub forward_group: usize,
    /// Input channels that one invocation of the input's gradient computes.
    pub input_group: usize,
    /// Output channels that one invocation of the weights' gradients computes.
    pub weights_group: usize,
    /// Parts into which the batch is cut for the weights' gradients, a multiple of 8.
    pub slots: usize,
}

/// Where the convolution reads its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A tensor `[batch, in, height, width]`.
    Tensor(Tensor),
    /// The packed images of the data set, picked by the cursor and the order.
    Packed {
        /// Where the epoch stands.
        cursor: Tensor,
        /// The order of the images.
        order: Tensor,
        /// Four grey values a word.
        images: Tensor,
    },
}

/// A pooled tensor `[batch, out, pooled height, pooled width]` that may be part of wider rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooled {
    /// The tensor or the rows.
    pub tensor: Tensor,
    /// Words from one image to the next.
    pub stride: usize,
    /// First word of the first image.
    pub at: usize,
}

impl ConvPool {
    /// Shape of the pooled output and of its winners.
    pub fn pooled(&self) -> [usize; 4] {
        let pool = self.conv.pooled(WINDOW);
        [self.conv.batch, self.conv.out_channels, pool.out_height(), pool.out_width()]
    }

    /// Multiply-adds of either gradient: one position of each window has a gradient.
    fn gradient_multiply_adds(&self) -> usize {
        self.conv.multiply_adds() / (WINDOW * WINDOW)
    }

    /// Fails where the kernels cannot handle a size, naming it.
    pub fn check(&self, name: &str) -> Result<()> {
        let Conv2d { in_channels, height, width, out_channels, .. } = self.conv;
        let [.., pooled_width] = self.pooled();
        for (what, size, divisor) in [
            ("input height", height, 2),
            ("input width", width, 4),
            ("pooled width", pooled_width, 2),
            ("output channels", out_channels, self.forward_group),
            ("output channels", out_channels, self.weights_group),
            ("input channels", in_channels, self.input_group),
            ("slots", self.slots, 8),
        ] {
            if size == 0 || !size.is_multiple_of(divisor) {
                return Err(Error::Usage(format!(
                    "{name}: the {what}, {size}, must be a multiple of {divisor}"
                )));
            }
        }
        // The kernels read the weights as a uniform buffer.
        match 4 * self.conv.w_len().next_multiple_of(4) {
            bytes if bytes <= UNIFORM_BYTES => Ok(()),
            bytes => Err(Error::Usage(format!(
                "{name}: the weights have {bytes} bytes, a uniform buffer takes {UNIFORM_BYTES}"
            ))),
        }
    }

    fn constants(&self, group: usize, pooled: Pooled) -> Vec<(&'static str, Constant)> {
        let Conv2d { batch, in_channels, height, width, out_channels, kernel } = self.conv;
        vec![
            ("BATCH", batch.into()),
            ("IN", in_channels.into()),
            ("HEIGHT", height.into()),
            ("WIDTH", width.into()),
            ("OUT", out_channels.into()),
            ("K", kernel.into()),
            ("GROUP", group.into()),
            ("IN_GROUP", self.input_group.into()),
            ("SLOTS", self.slots.into()),
            ("STRIDE", pooled.stride.into()),
            ("AT", pooled.at.into()),
        ]
    }
}

impl Input {
    fn bindings(self) -> Vec<(&'static str, Tensor)> {
        match self {
            Self::Tensor(x) => vec![("x", x)],
            Self::Packed { cursor, order, images } => {
                vec![("cursor", cursor), ("order", order), ("images", images)]
            }
        }
    }

    fn entry(self, tensor: &'static str, packed: &'static str) -> &'static str {
        if matches!(self, Self::Tensor(_)) { tensor } else { packed }
    }
}

/// Adds the layer `name` up to its pooled output `y`, and gives the windows' winners.
pub fn conv_pool(tape: &mut Tape, name: &str, s: ConvPool, input: Input, y: Pooled) -> Result<Tensor> {
    s.check(name)?;
    let w = tape.parameter(&format!("{name}.weight"))?;
    let bias = tape.parameter(&format!("{name}.bias"))?;
    let winner = tape.tensor(format!("{name} winner"), &s.pooled());
    let mut bindings = input.bindings();
    bindings.extend([("w", w), ("bias", bias), ("y", y.tensor), ("winner", winner)]);
    let [batch, out, height, width] = s.pooled();
    let threads = [batch * (out / s.forward_group) * height * (width / 2), 1, 1];
    let entry = input.entry("forward", "forward_packed");
    tape.dispatch(name, ["conv_pool", entry], &s.constants(s.forward_group, y), &bindings, threads);
    tape.flops(2 * s.conv.multiply_adds());
    Ok(winner)
}

/// Adds the gradient `dx` of the layer's input from that of its pooled output.
pub fn conv_pool_input(
    tape: &mut Tape,
    name: &str,
    s: ConvPool,
    dy: Pooled,
    winner: Tensor,
    dx: Tensor,
) -> Result<()> {
    s.check(name)?;
    let w = tape.parameter(&format!("{name}.weight"))?;
    let bindings = [("w", w), ("dy", dy.tensor), ("winner_forward", winner), ("dx", dx)];
    let Conv2d { batch, in_channels, height, width, .. } = s.conv;
    let threads = [batch * (in_channels / s.input_group) * (height / 2) * (width / 4), 1, 1];
    let constants = s.constants(s.weights_group, dy);
    tape.dispatch(name, ["conv_pool", "backward_input"], &constants, &bindings, threads);
    tape.flops(2 * s.gradient_multiply_adds());
    Ok(())
}

/// Adds the gradients of the layer's weights and bias from that of its pooled output.
pub fn conv_pool_weights(
    tape: &mut Tape,
    name: &str,
    s: ConvPool,
    input: Input,
    dy: Pooled,
    winner: Tensor,
) -> Result<()> {
    s.check(name)?;
    let w = tape.parameter(&format!("{name}.weight"))?;
    let bias = tape.parameter(&format!("{name}.bias"))?;
    let (dw, db) = (tape.gradient(w), tape.gradient(bias));
    let w_size: usize = tape.shape(w).iter().product();
    let dw_each = tape.tensor(format!("d {name}.weight of each slot"), &[s.slots, w_size]);
    let db_each = tape.tensor(format!("d {name}.bias of each slot"), &[s.slots, s.conv.out_channels]);
    let mut bindings = input.bindings();
    bindings.extend([
        ("dy", dy.tensor),
        ("winner_forward", winner),
        ("dw_each", dw_each),
        ("db_each", db_each),
    ]);
    let threads = [s.slots, s.conv.in_channels * s.conv.out_channels / s.weights_group, 1];
    let entry = input.entry("backward_weights", "backward_weights_packed");
    tape.dispatch(name, ["conv_pool", entry], &s.constants(s.weights_group, dy), &bindings, threads);
    tape.flops(2 * s.gradient_multiply_adds());
    batch_sum(tape, name, dw_each, dw);
    batch_sum(tape, name, db_each, db);
    Ok(())
}
