//! Cross-entropy of logits against one right class a row.

/// Shapes of one cross-entropy: logits `x [batch, classes]`, targets `[batch]`, loss `[batch]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Rows of `x`.
    pub batch: usize,
    /// Columns of `x`.
    pub classes: usize,
    /// What the gradient of one image's loss is multiplied by: 1 over the images of a training step,
    /// halved where two heads are averaged.
    pub scale: f64,
}
