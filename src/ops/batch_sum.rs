//! The sum over the batch of one tensor per image.

use crate::program::{Tape, Tensor};

/// Adds `y = sum over b of x[b]` for `x [batch, ..]`; `y` holds as many words as one `x[b]`.
pub fn batch_sum(tape: &mut Tape, layer: &str, x: Tensor, y: Tensor) {
    let batch = tape.shape(x)[0];
    let size: usize = tape.shape(y).iter().product();
    let constants = [("BATCH", batch.into()), ("SIZE", size.into())];
    tape.dispatch(layer, ["batch_sum", "forward"], &constants, &[("x", x), ("y", y)], [size, 1, 1]);
    tape.flops(batch * size);
}
