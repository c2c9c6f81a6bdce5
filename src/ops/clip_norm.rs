//! The limit of the gradients' norm.

use crate::program::{ALIGN, Shared, Tape, Tensor};
use crate::{Error, Result};

/// Added to the norm.
pub const EPSILON: f64 = 1e-6;

/// Parts that the norm is computed in.
const PARTS: usize = 256;

/// Adds `scale = min(1, max / (norm + EPSILON))` for the L2 norm of all `size` flat gradients, those of the
/// tape's parameters, and returns `scale [1]`.
///
/// # Errors
/// [`Error::Usage`] where the tape has no parameters, or more than `size` words of them.
pub fn clip_norm(tape: &mut Tape, size: usize, max: f64) -> Result<Tensor> {
    let filled = filled(tape);
    let (blocks, words) = (filled.len(), ALIGN * filled.len());
    if blocks == 0 || words > size || !size.is_multiple_of(4) {
        return Err(Error::Usage(format!(
            "clip_norm: {size} gradients, but the parameters take {words} words"
        )));
    }
    let dw = tape.shared(&[size], Shared::Gradients);
    let filled = tape.constant("words of blocks", &[blocks], filled);
    let parts = tape.tensor("squares of gradients", &[PARTS]);
    let scale = tape.tensor("scale of gradients", &[1]);
    let constants = [("BLOCKS", blocks.into()), ("PARTS", PARTS.into())];
    let bindings = [("dw", dw), ("filled", filled), ("part", parts)];
    tape.dispatch("clip", ["clip_norm", "squares"], &constants, &bindings, [PARTS, 1, 1]);
    tape.flops(2 * size);
    let [max, epsilon] = [max, EPSILON].map(|factor| (factor as f32).into());
    let constants = [("PARTS", PARTS.into()), ("MAX", max), ("EPSILON", epsilon)];
    let bindings = [("parts", parts), ("scale", scale)];
    tape.dispatch("clip", ["clip_norm", "limit"], &constants, &bindings, [1, 1, 1]);
    tape.flops(PARTS + 3);
    Ok(scale)
}

/// How many words of each [`ALIGN`] of the flat buffers belong to a parameter: what follows them there is
/// padding, which nothing writes.
fn filled(tape: &Tape) -> Vec<u32> {
    let mut filled = Vec::new();
    for parameter in tape.parameters() {
        filled.resize(parameter.offset / ALIGN, 0);
        let words = parameter.len();
        filled.extend((0..words.div_ceil(ALIGN)).map(|block| (words - block * ALIGN).min(ALIGN) as u32));
    }
    filled
}
