//! The dual-branch network: its sizes in one place, its layers and its parameters.
//!
//! ```text
//! image  -> conv1 -> ReLU -> pool -> conv2 -> ReLU -> pool -> flatten --+
//!                                                                      concat -> fc2 -> ReLU -> fc3 -> ReLU -+-> out1 (digit)
//! number -> fc1 -> ReLU -----------------------------------------------+                                     +-> out2 (sum)
//! ```

use crate::ops::{conv2d::Conv2d, linear::Linear, max_pool::MaxPool};
use crate::random::{Purpose, Random};
use crate::{Error, Result};

/// Every size of the network. Change a number here and all else follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Width and height of an image, in pixels.
    pub side: usize,
    /// Side of both convolutions' kernels.
    pub kernel: usize,
    /// Side of both pooling windows.
    pub window: usize,
    /// Channels that conv1 makes of the one grey channel.
    pub conv1: usize,
    /// Channels that conv2 makes.
    pub conv2: usize,
    /// Outputs of fc1, the number's branch.
    pub fc1: usize,
    /// Outputs of fc2.
    pub fc2: usize,
    /// Outputs of fc3.
    pub fc3: usize,
}

/// Classes of the digit head, and the number of different addends.
pub const DIGITS: usize = 10;
/// Classes of the sum head: 0 to 9 + 9.
pub const SUMS: usize = 19;

/// Parameters start at multiples of this many floats in the flat buffer: 256 bytes, the alignment
/// that every device accepts for a bound range.
pub const ALIGN: usize = 64;

impl Default for Sizes {
    fn default() -> Self {
        Self { side: 28, kernel: 5, window: 2, conv1: 6, conv2: 12, fc1: 64, fc2: 128, fc3: 64 }
    }
}

/// One trained tensor and where it lies in the flat parameter buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// PyTorch's name, such as `conv1.weight`.
    pub name: String,
    /// PyTorch's shape: `[out, in, k, k]`, `[out, in]` or `[out]`.
    pub shape: Vec<usize>,
    /// Inputs that one output of the layer sums over.
    pub fan_in: usize,
    /// First float in the flat buffer, a multiple of [`ALIGN`].
    pub offset: usize,
}

impl Parameter {
    /// Number of floats.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no float at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the flat buffer.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

impl Sizes {
    /// Fails where the sizes make no network, naming the first that does not fit.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check(&self) -> Result<()> {
        let Self { side, kernel, window, conv1, conv2, fc1, fc2, fc3 } = *self;
        if [side, kernel, window, conv1, conv2, fc1, fc2, fc3].contains(&0) {
            return Err(Error::Usage("no size of the network may be 0".into()));
        }
        if !side.is_multiple_of(4) {
            return Err(Error::Usage(format!("the side of an image, {side}, must be a multiple of 4")));
        }
        let mut left = side;
        for layer in ["conv1", "conv2"] {
            if kernel > left || window > left - kernel + 1 {
                return Err(Error::Usage(format!(
                    "{layer}: a kernel of {kernel} and a window of {window} leave nothing of {left} pixels"
                )));
            }
            left = (left - kernel + 1) / window;
        }
        Ok(())
    }

    /// conv1 for a batch: `[batch, 1, side, side]` to `[batch, conv1, ..]`.
    pub fn conv1(&self, batch: usize) -> Conv2d {
        Conv2d {
            batch,
            in_channels: 1,
            height: self.side,
            width: self.side,
            out_channels: self.conv1,
            kernel: self.kernel,
        }
    }

    /// The pooling after conv1.
    pub fn pool1(&self, batch: usize) -> MaxPool {
        self.conv1(batch).pooled(self.window)
    }

    /// conv2 for a batch, on what pool1 leaves.
    pub fn conv2(&self, batch: usize) -> Conv2d {
        let input = self.pool1(batch);
        Conv2d {
            batch,
            in_channels: self.conv1,
            height: input.out_height(),
            width: input.out_width(),
            out_channels: self.conv2,
            kernel: self.kernel,
        }
    }

    /// The pooling after conv2.
    pub fn pool2(&self, batch: usize) -> MaxPool {
        self.conv2(batch).pooled(self.window)
    }

    /// Features of the image branch after flattening `[C, H, W]`.
    pub fn flat(&self) -> usize {
        let pool = self.pool2(1);
        self.conv2 * pool.out_height() * pool.out_width()
    }

    /// fc1: the one-hot addend to the number's branch.
    pub fn fc1(&self, batch: usize) -> Linear {
        Linear { batch, inputs: DIGITS, outputs: self.fc1 }
    }

    /// fc2, on both branches side by side.
    pub fn fc2(&self, batch: usize) -> Linear {
        Linear { batch, inputs: self.flat() + self.fc1, outputs: self.fc2 }
    }

    /// fc3.
    pub fn fc3(&self, batch: usize) -> Linear {
        Linear { batch, inputs: self.fc2, outputs: self.fc3 }
    }

    /// The digit head.
    pub fn out1(&self, batch: usize) -> Linear {
        Linear { batch, inputs: self.fc3, outputs: DIGITS }
    }

    /// The sum head.
    pub fn out2(&self, batch: usize) -> Linear {
        Linear { batch, inputs: self.fc3, outputs: SUMS }
    }

    /// All trained tensors, in PyTorch's order.
    pub fn parameters(&self) -> Vec<Parameter> {
        let conv = |c: Conv2d| vec![c.out_channels, c.in_channels, c.kernel, c.kernel];
        let linear = |l: Linear| vec![l.outputs, l.inputs];
        let weights = [
            ("conv1", conv(self.conv1(1))),
            ("conv2", conv(self.conv2(1))),
            ("fc1", linear(self.fc1(1))),
            ("fc2", linear(self.fc2(1))),
            ("fc3", linear(self.fc3(1))),
            ("out1", linear(self.out1(1))),
            ("out2", linear(self.out2(1))),
        ];
        let mut all: Vec<Parameter> = Vec::new();
        for (layer, shape) in weights {
            let fan_in = shape[1..].iter().product();
            let outputs = shape[0];
            for (name, shape) in [("weight", shape), ("bias", vec![outputs])] {
                let offset = all.last().map_or(0, |p| p.range().end.next_multiple_of(ALIGN));
                all.push(Parameter { name: format!("{layer}.{name}"), shape, fan_in, offset });
            }
        }
        all
    }

    /// Floats in the flat parameter buffer, padding included: whole workgroups of the optimizer.
    pub fn flat_len(&self) -> usize {
        self.parameters().last().map_or(0, |p| p.range().end.next_multiple_of(4 * ALIGN))
    }

    /// Fresh parameters as PyTorch draws them by default: weights and biases uniform in
    /// `±1/sqrt(fan_in)`, padding 0.
    pub fn initial_parameters(&self, seed: u64) -> Vec<f32> {
        let mut flat = vec![0.0; self.flat_len()];
        let mut random = Random::new(seed, Purpose::Weights, 0);
        for parameter in self.parameters() {
            let bound = 1.0 / (parameter.fan_in as f32).sqrt();
            flat[parameter.range()].fill_with(|| random.between(-bound, bound));
        }
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_published_network() {
        let sizes = Sizes::default();
        assert_eq!(sizes.flat(), 192);
        assert_eq!(sizes.fc2(1).inputs, 256);
        let counts: Vec<usize> = sizes.parameters().chunks(2).map(|p| p[0].len() + p[1].len()).collect();
        assert_eq!(counts, [156, 1812, 704, 32896, 8256, 650, 1235]);
        assert_eq!(counts.iter().sum::<usize>(), 45_709);
    }

    #[test]
    fn parameters_are_aligned_and_apart() {
        let parameters = Sizes::default().parameters();
        for pair in parameters.windows(2) {
            assert!(pair[0].range().end <= pair[1].offset);
            assert_eq!(pair[1].offset % ALIGN, 0);
        }
    }
}
