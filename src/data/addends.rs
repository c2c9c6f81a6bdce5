//! What is drawn anew for an epoch: the addend of every image, and the order of training.

use crate::random::{Purpose, Random};

/// When the addends of the training images are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addends {
    /// Once per data set, as in the published run: every image keeps its addend.
    Fixed,
    /// Anew for every epoch.
    #[default]
    Fresh,
}

impl Addends {
    /// The addends, 0-9, of `count` training images in one epoch, by image and not by order.
    pub fn draw(self, seed: u64, epoch: u32, count: usize) -> Vec<u8> {
        let stream = match self {
            Self::Fixed => 0,
            Self::Fresh => epoch,
        };
        digits(Random::new(seed, Purpose::Addends, stream), count)
    }
}

/// The addends, 0-9, of `count` test images: the same for a seed whatever is trained.
pub fn test_addends(seed: u64, count: usize) -> Vec<u8> {
    digits(Random::new(seed, Purpose::TestAddends, 0), count)
}

/// The order in which an epoch takes `count` training images.
pub fn order(seed: u64, epoch: u32, count: u32) -> Vec<u32> {
    Random::new(seed, Purpose::Order, epoch).permutation(count)
}

fn digits(mut random: Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.below(10) as u8).collect()
}
