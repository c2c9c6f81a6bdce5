//! 2-d convolution, valid padding, stride 1.

use super::max_pool::MaxPool;

/// Shapes of one convolution: `x [batch, in, height, width]`, `w [out, in, kernel, kernel]`,
/// `b [out]`, `y [batch, out, out_height, out_width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Images at once.
    pub batch: usize,
    /// Channels of `x`.
    pub in_channels: usize,
    /// Height of `x`.
    pub height: usize,
    /// Width of `x`.
    pub width: usize,
    /// Channels of `y`.
    pub out_channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
}

impl Conv2d {
    /// Height of `y`: `(N - F + 2P)/S + 1` with padding `P` = 0 and stride `S` = 1.
    pub fn out_height(&self) -> usize {
        self.height - self.kernel + 1
    }

    /// Width of `y`.
    pub fn out_width(&self) -> usize {
        self.width - self.kernel + 1
    }

    /// The max pooling of `y` with a square window.
    pub fn pooled(&self, window: usize) -> MaxPool {
        MaxPool {
            batch: self.batch,
            channels: self.out_channels,
            height: self.out_height(),
            width: self.out_width(),
            window,
        }
    }

    /// Numbers in `x`.
    pub fn x_len(&self) -> usize {
        self.batch * self.in_channels * self.height * self.width
    }

    /// Numbers in `w`.
    pub fn w_len(&self) -> usize {
        self.out_channels * self.in_channels * self.kernel * self.kernel
    }

    /// Numbers in `y`.
    pub fn y_len(&self) -> usize {
        self.batch * self.out_channels * self.out_height() * self.out_width()
    }
}
