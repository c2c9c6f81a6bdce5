//! 2-d convolution, valid padding, stride 1.

use super::batch_sum::batch_sum;
use crate::Result;
pub use crate::network::Conv2d;
use crate::program::{Tape, Tensor};

/// Adds the layer `name`, which reads `{name}.weight` and `{name}.bias`, and returns its output.
///
/// # Errors
/// [`crate::Error::Usage`] for tensors of other shapes, or a parameter that is missing.
pub fn conv2d(tape: &mut Tape, name: &str, x: Tensor, s: Conv2d) -> Result<Tensor> {
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = s;
    tape.expect(name, x, &[batch, in_channels, height, width])?;
    let w = tape.parameter(&format!("{name}.weight"))?;
    let bias = tape.parameter(&format!("{name}.bias"))?;
    tape.expect(name, w, &[out_channels, in_channels, kernel, kernel])?;
    tape.expect(name, bias, &[out_channels])?;
    let constants = [
        ("IN", in_channels.into()),
        ("HEIGHT", height.into()),
        ("WIDTH", width.into()),
        ("OUT", out_channels.into()),
        ("K", kernel.into()),
    ];
    let y_size = out_channels * s.out_height() * s.out_width();
    let y = tape.tensor(name, &[batch, out_channels, s.out_height(), s.out_width()]);
    let bindings = [("x", x), ("w", w), ("bias", bias), ("y", y)];
    tape.dispatch(name, ["conv2d", "forward"], &constants, &bindings, [y_size, batch, 1]);
    tape.flops(2 * s.multiply_adds());

    let layer = name.to_string();
    tape.record(y, &[x, w, bias], move |tape, dy| {
        if tape.needs_gradient(x) {
            let dx = tape.gradient(x);
            let bindings = [("w", w), ("dy", dy), ("dx", dx)];
            let threads = [in_channels * height * width, batch, 1];
            tape.dispatch(&layer, ["conv2d", "backward_input"], &constants, &bindings, threads);
            tape.flops(2 * s.multiply_adds());
        }
        let w_size = out_channels * in_channels * kernel * kernel;
        let dw_each = tape.tensor(format!("d {layer}.weight of each image"), &[batch, w_size]);
        let bindings = [("x", x), ("dy", dy), ("dw_each", dw_each)];
        tape.dispatch(&layer, ["conv2d", "backward_weights"], &constants, &bindings, [w_size, batch, 1]);
        tape.flops(2 * s.multiply_adds());
        let db_each = tape.tensor(format!("d {layer}.bias of each image"), &[batch, out_channels]);
        let bindings = [("dy", dy), ("db_each", db_each)];
        tape.dispatch(&layer, ["conv2d", "backward_bias"], &constants, &bindings, [out_channels, batch, 1]);
        tape.flops(s.y_len());
        let dw = tape.gradient(w);
        batch_sum(tape, &layer, dw_each, dw);
        let db = tape.gradient(bias);
        batch_sum(tape, &layer, db_each, db);
        Ok(())
    });
    Ok(y)
}
