//! What came of each image of a step.

use super::gather::Batch;
use crate::graph::Tape;
use crate::network::{DIGITS, SUMS};
use crate::program::{Shared, Tensor};

/// What the two heads gave.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// `[batch, 10]`, what the digit is read off.
    pub digit: Tensor,
    /// `[batch, 19]`, what the sum is read off.
    pub sum: Tensor,
    /// `[batch]`, the digit's loss.
    pub digit_loss: Tensor,
    /// `[batch]`, the sum's loss.
    pub sum_loss: Tensor,
}

/// Adds the records of the images.
pub fn metrics(tape: &mut Tape, batch: Batch, heads: Heads) {
    let images = tape.shape(batch.digit)[0];
    let records = tape.shared("records", &[images, 3], Shared::Records);
    let constants = [("BATCH", images.into()), ("DIGITS", DIGITS.into()), ("SUMS", SUMS.into())];
    let bindings = [
        ("digit_x", heads.digit),
        ("sum_x", heads.sum),
        ("digit", batch.digit),
        ("sum", batch.sum),
        ("digit_loss", heads.digit_loss),
        ("sum_loss", heads.sum_loss),
        ("records", records),
    ];
    tape.dispatch("metrics", ["metrics", "judge"], &constants, &bindings, [images, 1, 1]);
    tape.flops(2 * images);
}
