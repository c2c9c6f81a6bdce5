//! The images and their labels, and the addends that go with them.

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
