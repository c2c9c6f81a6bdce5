//! Training images, changed at random.

use crate::data::{Augment, SIDE};
use crate::program::{Shared, Tape};

/// Adds the change of the next `batch` images of the order: from the originals to the images.
pub fn augment(tape: &mut Tape, amount: &Augment, batch: usize) {
    let words = SIDE * SIDE / 4;
    let order = tape.shared(&[batch], Shared::Order);
    let key = tape.shared(&[2], Shared::Key);
    let originals = tape.shared(&[batch, words], Shared::Originals);
    let images = tape.shared(&[batch, words], Shared::Images);
    let constants = [
        ("BATCH", batch.into()),
        ("WIDTH", SIDE.into()),
        ("HEIGHT", SIDE.into()),
        ("ROTATION", amount.rotation.to_radians().into()),
        ("SCALE", amount.scale.into()),
        ("SHEAR", amount.shear.into()),
        ("SHIFT", amount.shift.into()),
        ("ELASTIC", amount.elastic.into()),
    ];
    let bindings = [("order", order), ("key", key), ("originals", originals), ("images", images)];
    tape.dispatch("augment", ["augment", "warp"], &constants, &bindings, [batch * words, 1, 1]);
    // For each pixel: its place 10, the sampling 9; its bend and that of its word's knots.
    let bend = if amount.elastic > 0.0 { 36 + 16 } else { 0 };
    tape.flops(4 * words * batch * (19 + bend));
}
