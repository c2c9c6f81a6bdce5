//! Convolution, bias, ReLU and 2x2 max pooling in one go, and its gradients.

use crate::network::Conv2d;
use crate::program::limits::LIMITS;
use crate::program::{Constant, Tape, Tensor};
use crate::{Error, Result};

/// Side of the pooling window.
pub const WINDOW: usize = 2;

/// Windows of a pooled row that one invocation takes at once, and words of a vec4.
const STRIP: usize = 4;

/// Slots, and invocations for the gradient of the input, come in whole multiples of this.
const WHOLE: usize = 8;

/// What one invocation of each kernel computes. The order of every sum is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTiles {
    /// Output channels of a strip, forward.
    pub forward: usize,
    /// Rows of the input's gradient: an even number, or all if that is more than there are.
    pub rows: usize,
    /// Output channels of the weights' gradients.
    pub weights: usize,
    /// Neighbouring invocations that load a kernel together, 1 or as many as the device has lanes.
    pub lanes: usize,
}

impl ConvTiles {
    /// These tiles made to fit a convolution: the largest that divide its channels and are no larger.
    pub fn fitted(self, conv: &Conv2d) -> Self {
        let divisor = |channels: usize, most: usize| {
            (1..=most).rev().find(|group| channels.is_multiple_of(*group)).unwrap_or(1)
        };
        Self {
            forward: divisor(conv.out_channels, self.forward),
            rows: self.rows.min(conv.height),
            weights: divisor(conv.out_channels, self.weights),
            lanes: self.lanes,
        }
    }
}

/// Shapes and tiles of one fused convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvPool {
    /// The convolution; its output is pooled.
    pub conv: Conv2d,
    /// What an invocation computes.
    pub tiles: ConvTiles,
}

/// Where the convolution reads its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// A tensor `[batch, in, height, width padded to a multiple of 4]`.
    Tensor(Tensor),
    /// The packed images of the data set, picked by the step's cursor and the order.
    Packed {
        /// The order of the images.
        order: Tensor,
        /// Four grey values per word.
        images: Tensor,
    },
}

/// A pooled tensor `[batch, out, pooled height, pitch]` that may be part of wider rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooled {
    /// The tensor or the rows.
    pub tensor: Tensor,
    /// Words from one image to the next, a multiple of 4.
    pub stride: usize,
    /// First word of the first image, a multiple of 4.
    pub at: usize,
    /// Words from one pooled row to the next: the pooled width, or that padded to a multiple of 4.
    pub pitch: usize,
}

/// What the gradients are computed from, and where they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backward {
    /// The gradient of the pooled output.
    pub dy: Pooled,
    /// The windows' winners, which [`conv_pool`] returned.
    pub winner: Tensor,
    /// For the gradient of a [`Pixels::Tensor`], in its shape; packed images get none.
    pub dx: Option<Tensor>,
    /// `[slots, words]`: parts of the gradients of weights and bias, at the places that the parameters have
    /// in their flat buffer. Slots are a multiple of 8.
    pub partial: Tensor,
}

impl ConvPool {
    /// Shape of the pooled output.
    pub fn pooled(&self) -> [usize; 4] {
        let pool = self.conv.pooled(WINDOW);
        [self.conv.batch, self.conv.out_channels, pool.out_height(), pool.out_width()]
    }

    /// The same with whole strips in each row.
    pub fn padded(&self) -> [usize; 4] {
        let [batch, out, height, width] = self.pooled();
        [batch, out, height, width.next_multiple_of(STRIP)]
    }

    /// Shape of the winners: one word per strip.
    pub fn winners(&self) -> [usize; 4] {
        let [batch, out, height, width] = self.pooled();
        [batch, out, height, width.div_ceil(STRIP)]
    }

    /// Multiply-adds of either gradient: one position of each window has a gradient.
    fn gradient_multiply_adds(&self) -> usize {
        self.conv.multiply_adds() / (WINDOW * WINDOW)
    }

    /// Fails where the kernels cannot handle a size, naming it.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check(&self, name: &str) -> Result<()> {
        let Self { conv: Conv2d { height, out_channels, .. }, tiles } = *self;
        for (what, size, divisor) in [
            ("output channels", out_channels, tiles.forward),
            ("output channels", out_channels, tiles.weights),
            ("rows at once", tiles.rows, if tiles.rows >= height { 1 } else { 2 }),
        ] {
            if size == 0 || !size.is_multiple_of(divisor) {
                return Err(Error::Usage(format!(
                    "{name}: the {what}, {size}, must be a multiple of {divisor}"
                )));
            }
        }
        let (bytes, most) = (4 * self.conv.w_len() as u64, LIMITS.max_uniform_buffer_binding_size);
        if bytes > most {
            return Err(Error::Usage(format!(
                "{name}: the weights take {bytes} bytes, but a uniform buffer holds {most}"
            )));
        }
        Ok(())
    }

    /// Fails unless the tensors around the layer are what the kernels expect.
    fn expect(&self, tape: &Tape, name: &str, input: Pixels, pooled: Pooled) -> Result<()> {
        if let Pixels::Tensor(x) = input {
            tape.expect(name, x, &self.input())?;
        }
        let Pooled { tensor, stride, at, pitch } = pooled;
        let [batch, out, height, width] = self.pooled();
        let words: usize = tape.shape(tensor).iter().product();
        let fits = pitch >= width && at + out * height * pitch <= stride && batch * stride <= words;
        if !fits || !stride.is_multiple_of(STRIP) || !at.is_multiple_of(STRIP) {
            return Err(Error::Usage(format!(
                "{name}: {pooled:?} of {words} words has no room for {:?} in whole vec4",
                self.pooled()
            )));
        }
        Ok(())
    }

    /// Shape of a [`Pixels::Tensor`].
    fn input(&self) -> [usize; 4] {
        let Conv2d { batch, in_channels, height, width, .. } = self.conv;
        [batch, in_channels, height, width.next_multiple_of(STRIP)]
    }

    fn constants(&self, group: usize, input: Pixels, pooled: Pooled) -> Vec<(&'static str, Constant)> {
        let Conv2d { batch, in_channels, height, width, out_channels, kernel } = self.conv;
        vec![
            ("PACKED", matches!(input, Pixels::Packed { .. }).into()),
            ("BATCH", batch.into()),
            ("LANES", self.tiles.lanes.into()),
            ("IN", in_channels.into()),
            ("HEIGHT", height.into()),
            ("WIDTH", width.into()),
            ("OUT", out_channels.into()),
            ("K", kernel.into()),
            ("GROUP", group.into()),
            ("ROWS", self.tiles.rows.into()),
            ("STRIDE", pooled.stride.into()),
            ("AT", pooled.at.into()),
            ("PITCH", pooled.pitch.into()),
        ]
    }
}

impl Pixels {
    fn bindings(self) -> Vec<(&'static str, Tensor)> {
        match self {
            Self::Tensor(x) => vec![("x", x)],
            Self::Packed { order, images } => vec![("order", order), ("images", images)],
        }
    }
}

/// Adds the layer `name` up to its pooled output `y`, and returns the windows' winners.
///
/// # Errors
/// [`Error::Usage`] for sizes that the kernels cannot handle, or tensors of other shapes.
pub fn conv_pool(tape: &mut Tape, name: &str, s: ConvPool, input: Pixels, y: Pooled) -> Result<Tensor> {
    s.check(name)?;
    s.expect(tape, name, input, y)?;
    let w = tape.parameter(&format!("{name}.weight"))?;
    let bias = tape.parameter(&format!("{name}.bias"))?;
    let winner = tape.tensor(format!("{name} winner"), &s.winners());
    let mut bindings = input.bindings();
    bindings.extend([("w", w), ("bias", bias), ("y", y.tensor), ("winner", winner)]);
    let [batch, out, height, strips] = s.winners();
    let threads = [batch * height * strips, out / s.tiles.forward, 1];
    let constants = s.constants(s.tiles.forward, input, y);
    tape.dispatch(name, ["conv_pool", "forward"], &constants, &bindings, threads);
    tape.flops(2 * s.conv.multiply_adds());
    Ok(winner)
}

/// Adds the gradients of the layer `name` from that of its pooled output.
///
/// # Errors
/// As [`conv_pool()`].
pub fn conv_pool_gradients(
    tape: &mut Tape,
    name: &str,
    s: ConvPool,
    input: Pixels,
    backward: Backward,
) -> Result<()> {
    let Backward { dy, winner, dx, partial } = backward;
    s.check(name)?;
    s.expect(tape, name, input, dy)?;
    tape.expect(name, winner, &s.winners())?;
    let w = tape.parameter(&format!("{name}.weight"))?;
    let bias = tape.parameter(&format!("{name}.bias"))?;
    let (dw, db) = (tape.gradient(w), tape.gradient(bias));
    let (Some(dw_at), Some(db_at)) = (tape.flat_offset(dw), tape.flat_offset(db)) else {
        return Err(Error::Usage(format!("{name}: its weight and bias are not among the flat parameters")));
    };
    let least = (dw_at + s.conv.w_len()).max(db_at + s.conv.out_channels);
    let (slots, words) = match *tape.shape(partial) {
        [slots, words] if slots.is_multiple_of(WHOLE) && words >= least => (slots, words),
        ref shape => {
            let needed = format!("a multiple of {WHOLE} slots of at least {least} words");
            return Err(Error::Usage(format!("{name}: the partial gradients {shape:?} need {needed}")));
        }
    };
    let mut bindings = input.bindings();
    bindings.extend([("dy", dy.tensor), ("winner_forward", winner), ("partial", partial)]);
    let mut constants = s.constants(s.tiles.weights, input, dy);
    constants.extend([
        ("SLOTS", slots.into()),
        ("SLOT", words.into()),
        ("DW_AT", dw_at.into()),
        ("DB_AT", db_at.into()),
    ]);
    let Conv2d { batch, in_channels, height, out_channels, .. } = s.conv;
    let mut threads = [slots * out_channels / s.tiles.weights, in_channels, 1];
    let mut flops = 2 * s.gradient_multiply_adds();
    if let Some(dx) = dx {
        tape.expect(name, dx, &s.input())?;
        bindings.extend([("w", w), ("dx", dx)]);
        threads[0] += (batch * height.div_ceil(s.tiles.rows)).next_multiple_of(WHOLE);
        flops *= 2;
    }
    tape.dispatch(name, ["conv_pool", "backward"], &constants, &bindings, threads);
    tape.flops(flops);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Sizes;

    #[test]
    fn tensors_of_another_shape_are_refused() {
        let network = Sizes::default().network().unwrap();
        let conv = Conv2d { batch: 8, in_channels: 6, height: 12, width: 12, out_channels: 12, kernel: 5 };
        let s = ConvPool { conv, tiles: ConvTiles { forward: 12, rows: 12, weights: 3, lanes: 8 } };
        let said = |x: [usize; 4], stride: usize, partial: [usize; 2]| {
            let mut tape = Tape::new(network.parameters(), 8);
            let [x, y] = [("x", &x[..]), ("y", &[8, 192][..])].map(|(name, shape)| tape.tensor(name, shape));
            let y = Pooled { tensor: y, stride, at: 0, pitch: 4 };
            let winner = conv_pool(&mut tape, "conv2", s, Pixels::Tensor(x), y)?;
            let dx = Some(tape.tensor("dx", &[8, 6, 12, 12]));
            let partial = tape.tensor("partial", &partial);
            let backward = Backward { dy: y, winner, dx, partial };
            conv_pool_gradients(&mut tape, "conv2", s, Pixels::Tensor(x), backward)
        };
        let right = ([8, 6, 12, 12], 192, [16, 2176]);
        assert_eq!(said(right.0, right.1, right.2).map_err(|e| e.to_string()), Ok(()));
        for (x, stride, partial, word) in [
            ([8, 6, 12, 13], right.1, right.2, "`x` has shape"),
            (right.0, 188, right.2, "has no room for [8, 12, 4, 4]"),
            (right.0, 196, right.2, "has no room for"),
            (right.0, right.1, [12, 2176], "a multiple of 8 slots"),
            (right.0, right.1, [16, 1812], "of at least"),
        ] {
            let message = said(x, stride, partial).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
