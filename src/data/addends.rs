//! What is drawn for an epoch: the addend of every image, and the order of training.

use serde::{Deserialize, Serialize};

use super::HeldOut;
use crate::network::DIGITS;
use crate::random::{Purpose, Random};
use crate::{Error, Result};

/// A number from 0 to 9 to be added to a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addend(u8);

impl Addend {
    /// An addend.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number above 9.
    pub fn new(number: u8) -> Result<Self> {
        match usize::from(number) < DIGITS {
            true => Ok(Self(number)),
            false => Err(Error::Usage(format!("the addend {number} is not from 0 to 9"))),
        }
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// The addend of every image of a split, by image and not by order. Each is 0 to 9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addends(Vec<u8>);

impl Addends {
    /// These addends.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number above 9.
    pub fn new(numbers: Vec<u8>) -> Result<Self> {
        numbers.iter().try_for_each(|&number| Addend::new(number).map(drop))?;
        Ok(Self(numbers))
    }

    /// One for each of `count` images to test with, drawn as `eval` draws them: one seed, one result.
    pub fn random(seed: u64, count: usize) -> Self {
        held_out_addends(seed, HeldOut::Test, count)
    }

    /// The same addend for `count` images.
    pub fn all(addend: Addend, count: usize) -> Self {
        Self(vec![addend.0; count])
    }

    /// The numbers.
    pub fn numbers(&self) -> &[u8] {
        &self.0
    }

    fn drawn(mut random: Random, count: usize) -> Self {
        Self((0..count).map(|_| random.below(DIGITS as u32) as u8).collect())
    }
}

/// When the addends of the training images are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddendDraw {
    /// Once per data set, as in the published run: every image keeps its addend.
    Fixed,
    /// Anew for every epoch.
    #[default]
    Fresh,
}

/// Of the rooms.
impl AddendDraw {
    /// The addends of `count` training images in one epoch.
    pub fn draw(self, seed: u64, epoch: u32, count: usize) -> Addends {
        let stream = match self {
            Self::Fixed => 0,
            Self::Fresh => epoch,
        };
        Addends::drawn(Random::new(seed, Purpose::Addends, stream), count)
    }
}

/// The word that `--addends` takes.
impl std::fmt::Display for AddendDraw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fixed => "fixed",
            Self::Fresh => "fresh",
        })
    }
}

/// The addends of `count` held-out images: the same for one seed, whatever is trained.
pub fn held_out_addends(seed: u64, which: HeldOut, count: usize) -> Addends {
    let purpose = match which {
        HeldOut::Validation => Purpose::ValidationAddends,
        HeldOut::Test => Purpose::TestAddends,
    };
    Addends::drawn(Random::new(seed, purpose, 0), count)
}

/// The order in which an epoch takes `count` training images.
pub fn order(seed: u64, epoch: u32, count: u32) -> Vec<u32> {
    Random::new(seed, Purpose::Order, epoch).permutation(count)
}
