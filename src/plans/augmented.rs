//! What comes before the steps of an epoch whose images are changed at random: one dispatch for every
//! [`BATCH`] images of its order. No kernel of a step knows of it.

use crate::data::Augment;
use crate::ops::augment::augment;
use crate::program::{Program, Tape};

/// Images of a dispatch: few enough for the limits of a grid.
pub const BATCH: usize = 1024;

/// Changes images by up to this amount.
pub fn program(amount: &Augment) -> Program {
    let mut tape = Tape::new(&[], BATCH);
    augment(&mut tape, amount, BATCH);
    tape.finish()
}
