//! Max pooling, stride equal to the window; what does not fill a window is dropped.

/// Shapes of one pooling: `x [batch, channels, height, width]`,
/// `y [batch, channels, height / window, width / window]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
