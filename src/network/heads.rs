//! The heads: what a network answers, and what the right answer is.

use serde::Serialize;

/// How many digits there are, and how many addends.
pub const DIGITS: usize = 10;
/// Classes of the sum head: 0 to 9 + 9.
pub const SUMS: usize = 2 * DIGITS - 1;

/// One answer of the network: a layer's outputs taken as logits, and the class that should be the likeliest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// What it answers, such as `digit`.
    pub name: String,
    /// The layer that gives its logits, by its place in the list.
    pub logits: usize,
    /// How many classes there are: the outputs of that layer.
    pub classes: usize,
    /// The right class for each digit and addend, that of digit `d` and addend `a` at `d * DIGITS + a`.
    pub targets: Vec<u32>,
}

/// Of the rooms.
impl Head {
    /// The right class for an image of `digit` and an `addend`, both below [`DIGITS`].
    pub fn target(&self, digit: u8, addend: u8) -> u32 {
        self.targets[usize::from(digit) * DIGITS + usize::from(addend)]
    }

    /// The name for several answers: `digits`, `sums`, `parities`.
    pub fn plural(&self) -> String {
        match self.name.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{}s", self.name),
        }
    }
}
