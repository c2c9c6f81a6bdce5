//! A batch taken out of the data set: pixels to floats, addends to one-hot, labels to targets.

use super::Real;
use crate::network::{DIGITS, Head};

/// The data set, as it lies in memory. `images [count, pixels]`, `labels [count]` and
/// `addends [count]`, all bytes.
#[derive(Clone, Copy, Debug)]
pub struct Examples<'a> {
    /// Grey values, 0-255.
    pub images: &'a [u8],
    /// The digit of each image.
    pub labels: &'a [u8],
    /// The addend of each image.
    pub addends: &'a [u8],
}

/// Some images, gathered.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    /// `[batch, pixels]`
    pub image: Vec<T>,
    /// `[batch, 10]`
    pub number: Vec<T>,
    /// `[batch]` for each head: the right class.
    pub targets: Vec<Vec<u32>>,
}

/// For the `n`th index `s` of `order`: `image[n,j] = images[s,j] / 255`, `number[n,addends[s]] = 1` and
/// 0 elsewhere, and for each head `target[n]`, its class for `labels[s]` and `addends[s]`. A batch of more
/// `images` than `order` has repeats its last index.
pub fn forward<T: Real>(order: &[u32], images: usize, examples: Examples, heads: &[Head]) -> Batch<T> {
    let count = examples.labels.len();
    assert_eq!(examples.addends.len(), count, "gather: length of addends");
    assert_eq!(examples.images.len() % count, 0, "gather: length of images");
    assert!((1..=images).contains(&order.len()), "gather: length of order");
    let pixels = examples.images.len() / count;
    let mut batch = Batch {
        image: Vec::with_capacity(images * pixels),
        number: vec![T::zero(); images * DIGITS],
        targets: vec![Vec::with_capacity(images); heads.len()],
    };
    for n in 0..images {
        let index = order[n.min(order.len() - 1)] as usize;
        let (label, addend) = (examples.labels[index], examples.addends[index]);
        let bytes = &examples.images[index * pixels..][..pixels];
        batch.image.extend(bytes.iter().map(|&byte| T::of(f64::from(byte)) / T::of(255.0)));
        batch.number[n * DIGITS + usize::from(addend)] = T::one();
        for (targets, head) in batch.targets.iter_mut().zip(heads) {
            targets.push(head.target(label, addend));
        }
    }
    batch
}

/// `weight[n] = 1 / (heads * images)` for the first `images` of the batch, the weight of each head's loss in
/// the mean over images and heads; 0 for those that only repeat the last.
pub fn weights<T: Real>(images: usize, heads: usize, weight: &mut [T]) {
    assert!((1..=weight.len()).contains(&images), "gather: length of weight");
    weight.fill(T::zero());
    weight[..images].fill(T::of(1.0 / (heads * images) as f64));
}
