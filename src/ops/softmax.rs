//! Softmax over each row.

/// Shapes of one softmax: `x [batch, classes]`, `y [batch, classes]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// Rows of `x` and `y`.
    pub batch: usize,
    /// Columns of `x` and `y`.
    pub classes: usize,
}
