//! The batch, picked out of the data set.

use crate::graph::Tape;
use crate::network::{DIGITS, Sizes};
use crate::program::{Shared, Tensor};

/// What a training step reads of its batch.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// `[batch, 1, side, side]`, grey values / 255.
    pub image: Tensor,
    /// `[batch, 10]`, one-hot of the addend.
    pub number: Tensor,
    /// `[batch]`, the digit as a class.
    pub digit: Tensor,
    /// `[batch]`, digit + addend as a class.
    pub sum: Tensor,
    /// `[batch]`, the weight of each head's loss in the mean: 0 behind the last image.
    pub weight: Tensor,
}

/// Adds the gathering of the next `batch` images in order.
pub fn gather(tape: &mut Tape, sizes: &Sizes, batch: usize) -> Batch {
    let words = (sizes.side * sizes.side).div_ceil(4);
    let order = tape.shared("order", &[batch], Shared::Order);
    let images = tape.shared("images", &[batch, words], Shared::Images);
    let labels = tape.shared("labels", &[batch], Shared::Labels);
    let addends = tape.shared("addends", &[batch], Shared::Addends);
    let found = Batch {
        image: tape.tensor("image", &[batch, 1, sizes.side, sizes.side]),
        number: tape.tensor("number", &[batch, DIGITS]),
        digit: tape.tensor("digit", &[batch]),
        sum: tape.tensor("sum", &[batch]),
        weight: tape.tensor("weight", &[batch]),
    };
    let constants = [("WORDS", words.into())];
    let bindings = [("order", order), ("images", images), ("image", found.image)];
    tape.dispatch("gather", ["gather", "pixels"], &constants, &bindings, [words, batch, 1]);
    tape.flops(4 * words * batch);
    let constants = [("BATCH", batch.into()), ("CLASSES", DIGITS.into())];
    let bindings = [
        ("order", order),
        ("labels", labels),
        ("addends", addends),
        ("number", found.number),
        ("digit", found.digit),
        ("sum", found.sum),
        ("weight", found.weight),
    ];
    tape.dispatch("gather", ["gather", "targets"], &constants, &bindings, [batch, 1, 1]);
    found
}
