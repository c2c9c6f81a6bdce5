//! The result of a head for each image of a step.

use crate::Result;
use crate::program::{Record, Shared, Tape, Tensor};

/// Shapes of the records of one head: `x [batch, classes]`, `target` and `loss` `[batch]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The head's place among the heads.
    pub head: usize,
    /// How many heads there are: the records of an image lie side by side.
    pub heads: usize,
}

/// Adds the records of a head for the images: its loss, and whether its likeliest class is the target.
///
/// # Errors
/// Tensors whose shapes do not match.
pub fn metrics(
    tape: &mut Tape,
    name: &str,
    s: Metrics,
    x: Tensor,
    target: Tensor,
    loss: Tensor,
) -> Result<()> {
    let (batch, classes) = tape.rows(name, x)?;
    tape.expect(name, target, &[batch])?;
    tape.expect(name, loss, &[batch])?;
    let records = tape.shared(&[batch, s.heads * Record::WORDS], Shared::Records);
    let constants = [
        ("BATCH", batch.into()),
        ("CLASSES", classes.into()),
        ("HEAD", s.head.into()),
        ("HEADS", s.heads.into()),
    ];
    let bindings = [("x", x), ("label", target), ("loss", loss), ("records", records)];
    tape.dispatch(name, ["metrics", "judge"], &constants, &bindings, [batch, 1, 1]);
    Ok(())
}
