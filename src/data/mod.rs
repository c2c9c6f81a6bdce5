//! The images and their labels, and the addends that go with them.

use std::path::Path;

use crate::escape::Shown;
use crate::{Error, Result};

mod addends;
mod amount;
mod augment;
#[cfg_attr(not(feature = "download"), path = "no_download.rs")]
mod download;
mod drawn;
mod folder;
mod forms;
pub mod idx;
pub mod inspect;
mod mnist;
pub mod picture;
mod sources;
mod split;
mod strokes;

pub use addends::{Addend, AddendDraw, Addends, held_out_addends, order};
pub use amount::Amount;
pub use augment::Augment;
pub use drawn::{draw, drawn, drawn_digits};
pub use mnist::{MEMBERS, sha256};
pub use sources::Sources;
pub use split::{Image, Split};

/// Width and height of every image, in pixels.
pub const SIDE: usize = 28;
/// Pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;

/// A training set and a test set.
///
/// ```
/// use digit_adder::{Dataset, Split};
///
/// # fn main() -> digit_adder::Result<()> {
/// // Three images of 28 x 28 grey values, one after the other, and what digits they show.
/// let train = Split::new(vec![0; 3 * 28 * 28], vec![7, 1, 4])?;
/// let own = Dataset::new(train, Split::default());
/// let drawn = Dataset::drawn(1, 200, 100)?;
/// assert_eq!([own.train.len(), own.test.len(), drawn.test.len()], [3, 0, 100]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    /// What it is and where it came from, for the user.
    pub origin: String,
    /// The images to train on.
    pub train: Split,
    /// The last images of the training set, where some are held out to choose by.
    pub validation: Split,
    /// The images to test on.
    pub test: Split,
}

/// Images that are not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldOut {
    /// Those of the training set that are chosen by.
    Validation,
    /// The test set.
    Test,
}

impl Dataset {
    /// Images of your own, with none held out to choose by.
    pub fn new(train: Split, test: Split) -> Self {
        Self { origin: "own images".into(), train, validation: Split::default(), test }
    }

    /// Digits that this program draws: so many to train on, up to 60,000, and so many to test on, up to 10,000. All of
    /// them, of seed 1, are the set of `train --dataset drawn`.
    ///
    /// # Errors
    /// [`Error::Usage`] for more than there are.
    pub fn drawn(seed: u64, train: u32, test: u32) -> Result<Self> {
        match train <= drawn::TRAIN && test <= drawn::TEST {
            true => Ok(drawn(seed, [train, test])),
            false => Err(Error::Usage(format!(
                "{train} drawn digits to train on and {test} to test on: there are {} and {}",
                drawn::TRAIN,
                drawn::TEST
            ))),
        }
    }

    /// MNIST from a folder of its four files, raw or gzipped, or torchvision's root. `note` receives what is odd about
    /// them.
    ///
    /// # Errors
    /// [`Error::Data`] for a folder that is missing or incomplete, and for a malformed file.
    pub fn mnist(folder: impl AsRef<Path>, mut note: impl FnMut(&str)) -> Result<Self> {
        sources::read_folder(folder.as_ref(), "the folder", &mut note)
    }
}

/// Of the rooms.
impl Dataset {
    /// Takes the last images of the training set off for validation, and of the others keeps only the first `limit`.
    ///
    /// # Errors
    /// [`Error::Usage`] where nothing is left to train on.
    pub fn hold_out(&mut self, amount: Option<Amount>, limit: Option<usize>) -> Result<()> {
        if let Some(amount) = amount {
            self.validation = self.train.split_off(amount.of(self.train.len()));
            if self.train.is_empty() {
                return Err(Error::Usage(format!(
                    "a validation split of {amount} leaves nothing to train on"
                )));
            }
        }
        if let Some(limit) = limit {
            self.train.truncate(limit);
        }
        Ok(())
    }

    /// The images of a held-out set.
    pub fn held_out(&self, which: HeldOut) -> &Split {
        match which {
            HeldOut::Validation => &self.validation,
            HeldOut::Test => &self.test,
        }
    }
}

/// Which data set to load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// MNIST, or the drawn digits if there is neither a copy of it nor a network.
    #[default]
    Auto,
    /// MNIST or an error.
    Mnist,
    /// The built-in drawn digits.
    Drawn,
}

/// What [`load`] is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Which data set.
    pub wanted: Wanted,
    /// The folder of MNIST's files, or torchvision's root; if given, no other is searched.
    pub data_dir: Option<&'a Path>,
    /// The last images of the training set that are not trained on, but make the validation set.
    pub held_out: Option<Amount>,
    /// Of the others, train on this many only, from the first on; all of them if there are fewer.
    pub limit: Option<usize>,
    /// Seed of the drawn digits.
    pub seed: u64,
    /// Whether MNIST may be fetched from the network if it is nowhere on this machine.
    pub download: bool,
}

/// Finds or draws the requested data set. MNIST is looked for in `data_dir` or, if that is not
/// given, in the [usual places](Sources::usual). What the user should know goes to `say`.
///
/// # Errors
/// [`Error::Usage`] for a limit of 0 or a `data_dir` with the drawn digits; [`Error::Data`] for a folder
/// that is missing or incomplete, for a malformed file and, if it must be MNIST, where it is not found.
pub fn load(request: &Request, say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    load_from(&Sources::usual(), request, say)
}

/// [`load`], looking in these places.
///
/// # Errors
/// As [`load`].
pub fn load_from(sources: &Sources, request: &Request, say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    if request.limit == Some(0) {
        return Err(Error::Usage("a limit of 0 images leaves nothing to train on: give 1 or more".into()));
    }
    let mut dataset = match (request.wanted, request.data_dir) {
        (Wanted::Drawn, Some(folder)) => {
            return Err(Error::Usage(format!(
                "drawn digits are not read from a folder: drop either the data folder {} or the choice of drawn digits",
                folder.shown()
            )));
        }
        (Wanted::Drawn, None) => drawn_digits(request.seed),
        (_, Some(folder)) => sources::read_folder(folder, "the data folder", say)?,
        (wanted, None) => match sources.search(request.download, say)? {
            Ok(dataset) => dataset,
            Err(why) if wanted == Wanted::Mnist => {
                return Err(Error::Data(format!("{why}\n{}", sources::CURE)));
            }
            Err(why) => {
                say(&format!("{why}\n{}\nUsing the built-in drawn digits instead.", sources::CURE));
                drawn_digits(request.seed)
            }
        },
    };
    dataset.hold_out(request.held_out, request.limit)?;
    Ok(dataset)
}
