//! A picture as users have them, brought to the form that the network takes.

use std::path::Path;

use crate::Result;
use crate::data::Image;
use crate::data::picture::{self, Prepared};

/// A picture of one digit: a photograph, a scan or a drawing in PNG, JPEG, BMP, GIF, WebP, TIFF or PNM, brought to
/// MNIST's form. One that has it already stays as it is.
///
/// ```
/// use digit_adder::Picture;
///
/// # fn main() -> digit_adder::Result<()> {
/// // A bar on white paper, as a plain PGM file.
/// let row = "255 255 255 255 255 0 0 255 255 255 255 255\n";
/// let blank = "255 255 255 255 255 255 255 255 255 255 255 255\n";
/// let file = ["P2 12 12 255\n", &blank.repeat(2), &row.repeat(8), &blank.repeat(2)].concat();
/// let picture = Picture::from_bytes("bar.pgm", file.as_bytes())?;
/// // Ink is bright now.
/// assert!(picture.image.pixels()[14 * 28 + 14] > 128 && picture.image.pixels()[0] == 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// What the network is given.
    pub image: Image,
    /// Why an answer about it may be wrong, such as that there are two digits.
    pub warnings: Vec<String>,
}

impl Picture {
    /// Reads a file, of up to 64 MB.
    ///
    /// # Errors
    /// [`crate::Error::Data`] naming the file, where it cannot be read and as [`Self::from_bytes`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::of(picture::read(path.as_ref())?)
    }

    /// Reads what a file holds; errors call it `name`.
    ///
    /// # Errors
    /// [`crate::Error::Data`] for a picture that is broken or blank, has too many pixels or is none.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::of(picture::from_bytes(name, bytes)?)
    }

    fn of(Prepared { pixels, warnings, .. }: Prepared) -> Result<Self> {
        Ok(Self { image: Image::new(&pixels)?, warnings })
    }
}
