//! A batch taken out of the data set: pixels to floats, addends to one-hot, labels to targets.

use super::Real;
use crate::network::DIGITS;

/// The data set, as it lies in memory. `images [count, pixels]`, `labels [count]` and
/// `addends [count]`, bytes all of them.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Grey values, 0-255.
    pub images: &'a [u8],
    /// The digit of each image.
    pub labels: &'a [u8],
    /// The addend of each image.
    pub addends: &'a [u8],
}

/// Where a batch goes.
#[derive(Debug)]
pub struct Batch<'a, T> {
    /// `[batch, pixels]`
    pub image: &'a mut [T],
    /// `[batch, 10]`
    pub number: &'a mut [T],
    /// `[batch]`
    pub digit: &'a mut [u32],
    /// `[batch]`
    pub sum: &'a mut [u32],
}

/// For the `n`th index `s` of `order`: `image[n,j] = images[s,j] / 255`, `number[n,addends[s]] = 1` and
/// else 0, `digit[n] = labels[s]`, `sum[n] = labels[s] + addends[s]`. A batch that is longer than `order`
/// repeats its last index.
pub fn forward<T: Real>(order: &[u32], source: Source, batch: Batch<T>) {
    let count = source.labels.len();
    assert_eq!(source.addends.len(), count, "gather: length of addends");
    assert_eq!(source.images.len() % count, 0, "gather: length of images");
    let pixels = source.images.len() / count;
    let images = batch.digit.len();
    assert!((1..=images).contains(&order.len()), "gather: length of order");
    assert_eq!(batch.image.len(), images * pixels, "gather: length of image");
    assert_eq!(batch.number.len(), images * DIGITS, "gather: length of number");
    assert_eq!(batch.sum.len(), images, "gather: length of sum");
    batch.number.fill(T::zero());
    for n in 0..images {
        let index = order[n.min(order.len() - 1)] as usize;
        let (label, addend) = (source.labels[index], source.addends[index]);
        let bytes = &source.images[index * pixels..][..pixels];
        for (to, &byte) in batch.image[n * pixels..].iter_mut().zip(bytes) {
            *to = T::of(f64::from(byte)) / T::of(255.0);
        }
        batch.number[n * DIGITS + usize::from(addend)] = T::one();
        batch.digit[n] = u32::from(label);
        batch.sum[n] = u32::from(label) + u32::from(addend);
    }
}

/// `weight[n] = 1 / (2 * images)` for the `images` first of the batch, that of each head's loss in the mean
/// over images and heads; 0 for those that only repeat the last.
pub fn weights<T: Real>(images: usize, weight: &mut [T]) {
    assert!((1..=weight.len()).contains(&images), "gather: length of weight");
    weight.fill(T::zero());
    weight[..images].fill(T::of(0.5 / images as f64));
}
