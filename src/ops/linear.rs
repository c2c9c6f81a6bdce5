//! A fully connected layer.

use crate::Result;
use crate::graph::Tape;
use crate::program::Tensor;

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

    /// Multiply-adds of the forward pass, of the input's and of the weights' gradient alike.
    pub fn multiply_adds(&self) -> usize {
        self.batch * self.inputs * self.outputs
    }
}

/// Adds the layer `name`, which reads `{name}.weight` and `{name}.bias`, and gives its output. `x` may
/// have any shape of `inputs` words an image.
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
