//! Images with their labels, checked once, when they are built.

use super::mnist::sha256;
use super::{PIXELS, SIDE};
use crate::network::DIGITS;
use crate::{Error, Result};

/// Images of one split with their labels. There is always a label for each image, and every label is a digit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Split {
    /// `images [count, 28, 28]`, grey values row by row, 0 background and 255 ink; `labels [count]`, 0-9.
    ///
    /// # Errors
    /// [`Error::Data`] where the lengths do not match, or naming the first label that is not a digit.
    pub fn new(images: Vec<u8>, labels: Vec<u8>) -> Result<Self> {
        if images.len() != labels.len() * PIXELS {
            return Err(Error::Data(format!(
                "{} labels do not match {} bytes of images: an image of {SIDE} x {SIDE} pixels has {PIXELS}",
                labels.len(),
                images.len()
            )));
        }
        match labels.iter().position(|&label| usize::from(label) >= DIGITS) {
            Some(image) => {
                Err(Error::Data(format!("label {} of image {image} is not a digit (0-9)", labels[image])))
            }
            None => Ok(Self { images, labels }),
        }
    }

    /// Images that this program drew, with their digits.
    pub(super) fn sound(images: Vec<u8>, labels: Vec<u8>) -> Self {
        Self { images, labels }
    }

    /// Grey values, [`PIXELS`] bytes per image.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The digit of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// SHA-256, in hex, over all images and then all labels: it identifies the split, wherever that was
    /// stored.
    pub fn sha256(&self) -> String {
        sha256(&[&self.images[..], &self.labels])
    }

    /// Takes the last `count` images off, all if there are fewer.
    pub fn split_off(&mut self, count: usize) -> Self {
        let kept = self.len().saturating_sub(count);
        Self { images: self.images.split_off(kept * PIXELS), labels: self.labels.split_off(kept) }
    }

    /// Keeps the first `count` images, all if there are fewer.
    pub fn truncate(&mut self, count: usize) {
        self.images.truncate(count.saturating_mul(PIXELS));
        self.labels.truncate(count);
    }
}

/// One image without a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(Vec<u8>);

impl Image {
    /// An image of 28 x 28 grey values, row by row; 0 is background, 255 ink.
    ///
    /// # Errors
    /// [`Error::Usage`] for a different number of pixels.
    pub fn new(pixels: &[u8]) -> Result<Self> {
        match pixels.len() {
            PIXELS => Ok(Self(pixels.to_vec())),
            n => Err(Error::Usage(format!("an image has {PIXELS} pixels, but this one has {n}"))),
        }
    }

    /// Its grey values.
    pub fn pixels(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_go_together_is_refused() {
        assert_eq!(Split::new(vec![0; 3 * PIXELS], vec![0, 9, 4]).unwrap().len(), 3);
        for (images, labels, words) in [
            (2 * PIXELS, vec![1, 2, 3], "3 labels do not match 1568 bytes"),
            (PIXELS + 1, vec![1], "1 labels do not match 785 bytes"),
            (2 * PIXELS, vec![1, 10], "label 10 of image 1 is not a digit"),
        ] {
            let error = Split::new(vec![0; images], labels).unwrap_err();
            assert!(error.exit_code() == 4 && error.to_string().contains(words), "{error}");
        }
        assert!(Image::new(&[0; 5]).unwrap_err().to_string().contains("784 pixels, but this one has 5"));
    }
}
