//! The shapes of the layers: what goes in, what comes out, and how much arithmetic lies between.

use serde::Serialize;

/// Shapes of one convolution, valid padding and stride 1: `x [batch, in, height, width]`,
/// `w [out, in, kernel, kernel]`, `b [out]`, `y [batch, out, out_height, out_width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

    /// Multiply-adds of the forward pass, and as many of each gradient: the input's and the weights'.
    pub fn multiply_adds(&self) -> usize {
        self.y_len() * self.in_channels * self.kernel * self.kernel
    }
}

/// Shapes of one max pooling, its stride equal to the window: `x [batch, channels, height, width]`,
/// `y [batch, channels, height / window, width / window]`. What does not fill a window is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MaxPool {
    /// Images at once.
    pub batch: usize,
    /// Channels of `x` and `y`.
    pub channels: usize,
    /// Height of `x`.
    pub height: usize,
    /// Width of `x`.
    pub width: usize,
    /// Side of the square window, and the stride.
    pub window: usize,
}

impl MaxPool {
    /// Height of `y`.
    pub fn out_height(&self) -> usize {
        self.height / self.window
    }

    /// Width of `y`.
    pub fn out_width(&self) -> usize {
        self.width / self.window
    }

    /// Numbers in `x`.
    pub fn x_len(&self) -> usize {
        self.batch * self.channels * self.height * self.width
    }

    /// Numbers in `y`.
    pub fn y_len(&self) -> usize {
        self.batch * self.channels * self.out_height() * self.out_width()
    }
}

/// Shapes of one fully connected layer: `x [batch, inputs]`, `w [outputs, inputs]`, `b [outputs]`,
/// `y [batch, outputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Linear {
    /// Rows of `x` and `y`.
    pub batch: usize,
    /// Columns of `x`.
    pub inputs: usize,
    /// Columns of `y`.
    pub outputs: usize,
}

impl Linear {
    /// Numbers in `x`.
    pub fn x_len(&self) -> usize {
        self.batch * self.inputs
    }

    /// Numbers in `w`.
    pub fn w_len(&self) -> usize {
        self.outputs * self.inputs
    }

    /// Numbers in `y`.
    pub fn y_len(&self) -> usize {
        self.batch * self.outputs
    }

    /// Multiply-adds of the forward pass, and as many of each gradient: the input's and the weights'.
    pub fn multiply_adds(&self) -> usize {
        self.batch * self.inputs * self.outputs
    }
}

/// Shapes of one concatenation: `x1 [batch, left]`, `x2 [batch, right]`, `y [batch, left + right]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Concat {
    /// Rows of all three.
    pub batch: usize,
    /// Columns of `x1`.
    pub left: usize,
    /// Columns of `x2`.
    pub right: usize,
}
