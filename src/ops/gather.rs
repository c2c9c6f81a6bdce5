//! The batch, picked out of the data set.

use crate::network::{DIGITS, Head, Network};
use crate::program::{Shared, Tape, Tensor};

/// What a training step reads of its batch.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[batch, ..]`, grey values / 255 in the shape of the network's image.
    pub image: Tensor,
    /// `[batch, 10]`, one-hot of the addend.
    pub number: Tensor,
    /// `[batch]` for each head: the right class.
    pub targets: Vec<Tensor>,
    /// `[batch]`, the weight of each head's loss in the mean over heads and images: 0 past the last image.
    pub weight: Tensor,
}

/// Adds the gathering of the next `batch` images in order.
pub fn gather(tape: &mut Tape, network: &Network, batch: usize) -> Batch {
    let words = network.pixels().div_ceil(4);
    let order = tape.shared(&[batch], Shared::Order);
    let images = tape.shared(&[batch, words], Shared::Images);
    let labels = tape.shared(&[batch], Shared::Labels);
    let addends = tape.shared(&[batch], Shared::Addends);

    let image = tape.tensor("image", &[&[batch], network.image()].concat());
    let bindings = [("order", order), ("images", images), ("image", image)];
    tape.dispatch("gather", ["gather", "pixels"], &[("WORDS", words.into())], &bindings, [words, batch, 1]);
    tape.flops(4 * words * batch);

    let number = tape.tensor("number", &[batch, DIGITS]);
    let weight = tape.tensor("weight", &[batch]);
    let share = 1.0 / network.heads().len() as f32;
    let constants = [("BATCH", batch.into()), ("ADDENDS", DIGITS.into()), ("HEAD_SHARE", share.into())];
    let bindings = [("order", order), ("addends", addends), ("number", number), ("weight", weight)];
    tape.dispatch("gather", ["gather", "numbers"], &constants, &bindings, [batch, 1, 1]);

    let constants = [("BATCH", batch.into()), ("ADDENDS", DIGITS.into())];
    let target = |head: &Head| {
        let classes =
            tape.constant(&format!("{} classes", head.name), &[DIGITS, DIGITS], head.targets.clone());
        let target = tape.tensor(format!("{} target", head.name), &[batch]);
        let bindings = [
            ("order", order),
            ("labels", labels),
            ("addends", addends),
            ("classes", classes),
            ("label", target),
        ];
        tape.dispatch(&head.name, ["gather", "targets"], &constants, &bindings, [batch, 1, 1]);
        target
    };
    let targets = network.heads().iter().map(target).collect();
    Batch { image, number, targets, weight }
}
