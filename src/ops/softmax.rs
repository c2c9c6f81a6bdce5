//! Probabilities of the classes.

use crate::Result;
use crate::program::{Tape, Tensor};

/// Shapes of one softmax: `x` and `y` are `[batch, classes]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// Rows.
    pub batch: usize,
    /// Columns, which sum to 1 in `y`.
    pub classes: usize,
}

/// Adds `y = softmax(x)` under `name`.
///
/// # Errors
/// [`crate::Error::Usage`] for a tensor of a rank other than 2.
pub fn softmax(tape: &mut Tape, name: &str, x: Tensor) -> Result<Tensor> {
    let (batch, classes) = tape.rows(name, x)?;
    let s = Softmax { batch, classes };
    let constants = [("BATCH", s.batch.into()), ("CLASSES", s.classes.into())];
    let y = tape.tensor(name, &[batch, classes]);
    tape.dispatch(name, ["softmax", "forward"], &constants, &[("x", x), ("y", y)], [s.batch, 1, 1]);
    tape.flops(4 * s.batch * s.classes);

    let layer = name.to_string();
    tape.record(y, &[x], move |tape, dy| {
        let dx = tape.gradient(x);
        let bindings = [("y_forward", y), ("dy", dy), ("dx", dx)];
        tape.dispatch(&layer, ["softmax", "backward"], &constants, &bindings, [s.batch, 1, 1]);
        tape.flops(4 * s.batch * s.classes);
        Ok(())
    });
    Ok(y)
}
