//! The loss of a head on its logits, with the softmax inside.

use crate::Result;
use crate::program::{Tape, Tensor};

/// Shapes of one loss: `x [batch, classes]`, `target [batch]`, `loss [batch]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Rows.
    pub batch: usize,
    /// Logits of a row.
    pub classes: usize,
    /// The share of a label that is spread over all classes, in the gradient only.
    pub smoothing: f32,
}

/// Adds the loss of each image under `name`; the backward walk begins here, with the image's `weight
/// [batch]` in the mean and a share `smoothing` of its label spread over all classes.
///
/// # Errors
/// Tensors whose shapes do not match.
pub fn cross_entropy(
    tape: &mut Tape,
    name: &str,
    x: Tensor,
    target: Tensor,
    weight: Tensor,
    smoothing: f32,
) -> Result<Tensor> {
    let (batch, classes) = tape.rows(name, x)?;
    tape.expect(name, target, &[batch])?;
    tape.expect(name, weight, &[batch])?;
    let constants = [("BATCH", batch.into()), ("CLASSES", classes.into()), ("SMOOTHING", smoothing.into())];
    let loss = tape.tensor(name, &[batch]);
    let bindings = [("x", x), ("label", target), ("loss", loss)];
    tape.dispatch(name, ["cross_entropy", "forward"], &constants, &bindings, [batch, 1, 1]);
    tape.flops(3 * batch * classes);

    let layer = name.to_string();
    tape.record_loss(loss, move |tape| {
        let dx = tape.gradient(x);
        let bindings = [("x", x), ("label", target), ("dx", dx), ("weight", weight)];
        tape.dispatch(&layer, ["cross_entropy", "backward"], &constants, &bindings, [batch, 1, 1]);
        tape.flops(6 * batch * classes);
        Ok(())
    });
    Ok(loss)
}
