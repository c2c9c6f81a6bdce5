//! A fully connected layer.

/// Shapes of one layer: `x [batch, inputs]`, `w [outputs, inputs]`, `b [outputs]`,
/// `y [batch, outputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}
