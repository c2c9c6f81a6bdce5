//! What one epoch, or a part of one, trains on.

use super::LearningRate;
use crate::data::Addends;
use crate::{Error, Result};

/// What one epoch, or a part of one, trains on. Every index is below the number of images, and there is an addend for each
/// image.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    order: Vec<u32>,
    addends: Addends,
    learning_rate: LearningRate,
    key: [u32; 2],
}

impl Epoch {
    /// An epoch on a data set of as many images as there are `addends`: `order` lists those to take, and is no
    /// longer than the data set.
    ///
    /// # Errors
    /// [`Error::Usage`] for a longer one, or naming the first index that is too large.
    pub fn new(order: Vec<u32>, addends: Addends, learning_rate: impl Into<LearningRate>) -> Result<Self> {
        let images = addends.numbers().len();
        if order.len() > images {
            return Err(Error::Usage(format!(
                "an epoch of {} images, but there are only {images}",
                order.len()
            )));
        }
        match order.iter().find(|&&index| index as usize >= images) {
            Some(index) => {
                Err(Error::Usage(format!("the order contains image {index}, but there are only {images}")))
            }
            None => Ok(Self { order, addends, learning_rate: learning_rate.into(), key: [0; 2] }),
        }
    }

    /// The same with another key, which the random changes of its images depend on.
    pub fn with_key(self, key: [u32; 2]) -> Self {
        Self { key, ..self }
    }

    /// What the random changes of its images depend on.
    pub fn key(&self) -> [u32; 2] {
        self.key
    }

    /// The images in the order in which they are taken.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The addend of every training image, by image and not by order.
    pub fn addends(&self) -> &Addends {
        &self.addends
    }

    /// Adam's learning rate, of each step of the training.
    pub fn learning_rate(&self) -> LearningRate {
        self.learning_rate
    }
}

/// Fails unless there is an addend for each of `images` images.
///
/// # Errors
/// [`Error::Usage`].
pub fn check_addends(addends: &Addends, images: usize) -> Result<()> {
    match addends.numbers().len() {
        n if n == images => Ok(()),
        n => Err(Error::Usage(format!("{n} addends were given for {images} images"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_does_not_fit_the_data_is_refused() {
        let refusal = |order: &[u32]| {
            let addends = Addends::new(vec![1, 2]).unwrap();
            Epoch::new(order.to_vec(), addends, 1e-3).err().map(|error| error.to_string())
        };
        assert_eq!(refusal(&[1, 0]), None);
        assert_eq!(refusal(&[0, 2]).unwrap(), "the order contains image 2, but there are only 2");
        assert_eq!(refusal(&[0, 1, 0]).unwrap(), "an epoch of 3 images, but there are only 2");
    }
}
