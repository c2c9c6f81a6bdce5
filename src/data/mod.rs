//! The images and their labels, and the addends that go with them.

use std::path::Path;

use crate::{Error, Result};

mod addends;
mod download;
mod drawn;
pub mod idx;
mod mnist;
mod places;
mod strokes;

pub use addends::{Addends, order, test_addends};
pub use drawn::{draw, drawn_digits};
pub use mnist::MEMBERS;
pub use places::Places;

/// Width and height of every image, in pixels.
pub const SIDE: usize = 28;
/// Pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;

/// Images of one split with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Grey values, row by row, [`PIXELS`] bytes an image; 0 is background, 255 ink.
    pub images: Vec<u8>,
    /// The digit of each image, 0-9.
    pub labels: Vec<u8>,
}

impl Split {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// SHA-256, in hex, over all images and then all labels: what the split is, wherever it lay.
    pub fn sha256(&self) -> String {
        mnist::sha256(&[&self.images[..], &self.labels].concat())
    }

    /// Keeps the first `count` images, all if there are not so many.
    pub fn truncate(&mut self, count: usize) {
        self.images.truncate(count.saturating_mul(PIXELS));
        self.labels.truncate(count);
    }
}

/// A training set and a test set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// What it is and where it came from, for the user.
    pub origin: String,
    /// The images to train on.
    pub train: Split,
    /// The images to test on.
    pub test: Split,
}

/// Which data set is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// MNIST, or the drawn digits if there is neither a copy of it nor a network.
    #[default]
    Auto,
    /// MNIST or an error.
    Mnist,
    /// The built-in drawn digits.
    Drawn,
}

/// What is asked of [`load`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Which data set.
    pub source: Source,
    /// The folder of MNIST's files; if given, no other is looked into.
    pub data_dir: Option<&'a Path>,
    /// Train on the first so many images only; more than there are means all of them.
    pub limit: Option<usize>,
    /// Seed of the drawn digits.
    pub seed: u64,
    /// Whether MNIST may be fetched from the network if it is nowhere on this machine.
    pub download: bool,
}

/// Finds or draws the data set that is asked for. MNIST is looked for in `data_dir` and, if that is not
/// given, in the [usual places](Places::usual). What the user should know goes to `say`.
///
/// # Errors
/// [`Error::Usage`] for a limit of 0 or a `data_dir` with the drawn digits; [`Error::Data`] for a folder
/// that is missing or incomplete, for a malformed file, and, if MNIST must be had, for MNIST not found.
pub fn load(request: &Request, say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    load_from(&Places::usual(), request, say)
}

/// [`load`] with the places to look in given.
pub fn load_from(places: &Places, request: &Request, say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    if request.limit == Some(0) {
        return Err(Error::Usage("a limit of 0 images leaves nothing to train on: give 1 or more".into()));
    }
    let mut dataset = match (request.source, request.data_dir) {
        (Source::Drawn, Some(folder)) => {
            return Err(Error::Usage(format!(
                "drawn digits are not read from a folder: drop either the data folder {} or the choice of drawn digits",
                folder.display()
            )));
        }
        (Source::Drawn, None) => drawn_digits(request.seed),
        (_, Some(folder)) => places::read_folder(folder, "the data folder", say)?,
        (source, None) => match places.search(request.download, say)? {
            Ok(dataset) => dataset,
            Err(why) if source == Source::Mnist => {
                return Err(Error::Data(format!("{why}\n{}", places::CURE)));
            }
            Err(why) => {
                say(&format!("{why}\n{}\nUsing the built-in drawn digits instead.", places::CURE));
                drawn_digits(request.seed)
            }
        },
    };
    if let Some(limit) = request.limit {
        dataset.train.truncate(limit);
    }
    Ok(dataset)
}
