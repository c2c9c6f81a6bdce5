//! What came of a step, and on to the next.

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

/// Adds the record of the step, and the cursor's move.
pub fn metrics(tape: &mut Tape, batch: Batch, heads: Heads) {
    let cursor = tape.shared("cursor", &[3], Shared::Cursor);
    let records = tape.shared("records", &[1, 3], Shared::Records);
    let images = tape.shape(batch.digit)[0];
    let constants = [("BATCH", images.into()), ("DIGITS", DIGITS.into()), ("SUMS", SUMS.into())];
    let bindings = [
        ("cursor", cursor),
        ("digit_x", heads.digit),
        ("sum_x", heads.sum),
        ("digit", batch.digit),
        ("sum", batch.sum),
        ("digit_loss", heads.digit_loss),
        ("sum_loss", heads.sum_loss),
        ("records", records),
    ];
    tape.dispatch("metrics", ["metrics", "count"], &constants, &bindings, [1, 1, 1]);
    tape.flops(3 * images);
}

/// The same from the outcomes `[batch or more, 3]` that the dense op has judged already.
pub fn add_up(tape: &mut Tape, batch: usize, outcomes: Tensor) {
    let cursor = tape.shared("cursor", &[3], Shared::Cursor);
    let records = tape.shared("records", &[1, 3], Shared::Records);
    let bindings = [("cursor", cursor), ("outcomes", outcomes), ("records", records)];
    tape.dispatch("metrics", ["metrics", "add_up"], &[("BATCH", batch.into())], &bindings, [1, 1, 1]);
    tape.flops(batch);
}
