//! The rectifier.

use crate::Result;
use crate::program::{Tape, Tensor};

/// Adds `y = max(x, 0)` under `name`; `x [batch, ..]` may have any shape.
///
/// # Errors
/// None; it is fallible like other ops.
pub fn relu(tape: &mut Tape, name: &str, x: Tensor) -> Result<Tensor> {
    let shape = tape.shape(x).to_vec();
    let size = shape[1..].iter().product::<usize>();
    let constants = [("SIZE", size.into())];
    let threads = [size, shape[0], 1];
    let y = tape.tensor(name, &shape);
    tape.dispatch(name, ["relu", "forward"], &constants, &[("x", x), ("y", y)], threads);

    let layer = name.to_string();
    tape.record(y, &[x], move |tape, dy| {
        let dx = tape.gradient(x);
        let bindings = [("y_forward", y), ("dy", dy), ("dx", dx)];
        tape.dispatch(&layer, ["relu", "backward"], &constants, &bindings, threads);
        Ok(())
    });
    Ok(y)
}
