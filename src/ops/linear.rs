//! A fully connected layer.

use crate::Result;
pub use crate::network::Linear;
use crate::program::{Tape, Tensor};

/// Adds the layer `name`, which reads `{name}.weight` and `{name}.bias`, and returns its output. `x` may
/// have any shape of `inputs` words per image.
///
/// # Errors
/// [`crate::Error::Usage`] for tensors of other shapes, or a parameter that is missing.
pub fn linear(tape: &mut Tape, name: &str, x: Tensor, s: Linear) -> Result<Tensor> {
    let Linear { batch, inputs, outputs } = s;
    if tape.shape(x)[0] != batch || tape.shape(x)[1..].iter().product::<usize>() != inputs {
        tape.expect(name, x, &[batch, inputs])?;
    }
    let w = tape.parameter(&format!("{name}.weight"))?;
    let bias = tape.parameter(&format!("{name}.bias"))?;
    tape.expect(name, w, &[outputs, inputs])?;
    tape.expect(name, bias, &[outputs])?;
    let constants = [("BATCH", batch.into()), ("IN", inputs.into()), ("OUT", outputs.into())];
    let y = tape.tensor(name, &[batch, outputs]);
    let bindings = [("x", x), ("w", w), ("bias", bias), ("y", y)];
    tape.dispatch(name, ["linear", "forward"], &constants, &bindings, [outputs, batch, 1]);
    tape.flops(2 * s.multiply_adds());

    let layer = name.to_string();
    tape.record(y, &[x, w, bias], move |tape, dy| {
        if tape.needs_gradient(x) {
            let dx = tape.gradient(x);
            let bindings = [("w", w), ("dy", dy), ("dx", dx)];
            tape.dispatch(&layer, ["linear", "backward_input"], &constants, &bindings, [inputs, batch, 1]);
            tape.flops(2 * s.multiply_adds());
        }
        let dw = tape.gradient(w);
        let bindings = [("x", x), ("dy", dy), ("dw", dw)];
        tape.dispatch(&layer, ["linear", "backward_weights"], &constants, &bindings, [inputs, outputs, 1]);
        tape.flops(2 * s.multiply_adds());
        let db = tape.gradient(bias);
        tape.dispatch(
            &layer,
            ["linear", "backward_bias"],
            &constants,
            &[("dy", dy), ("db", db)],
            [outputs, 1, 1],
        );
        tape.flops(s.y_len());
        Ok(())
    });
    Ok(y)
}
