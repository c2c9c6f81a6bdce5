//! Two rows side by side.

/// Shapes of one concatenation: `x1 [batch, left]`, `x2 [batch, right]`, `y [batch, left + right]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat {
    /// Rows of all three.
    pub batch: usize,
    /// Columns of `x1`.
    pub left: usize,
    /// Columns of `x2`.
    pub right: usize,
}
