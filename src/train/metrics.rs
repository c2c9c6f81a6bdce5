//! The results of a pass over images, and of one image, head by head.

use serde::{Deserialize, Serialize};

use crate::network::Network;

/// The results of a pass over images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Images seen.
    pub images: usize,
    /// Mean loss per image: the mean over all heads.
    pub loss: f64,
    /// The results of each head, in the network's order.
    pub heads: Vec<HeadMetrics>,
}

/// The results of one head in a pass over images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadMetrics {
    /// The head's name.
    pub head: String,
    /// Its mean loss per image.
    pub loss: f64,
    /// Images that it was right about.
    pub correct: usize,
}

/// The results of a pass, image by image or batch by batch as they come in. A pass that is interrupted and
/// continued adds up to the same bits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Images seen.
    pub images: usize,
    /// The summed loss and the right answers of each head, in the network's order; none before the first image.
    pub heads: Vec<(f64, usize)>,
}

impl Tally {
    /// Adds the results of more images.
    pub fn add(&mut self, more: Self) {
        self.heads.resize(more.heads.len().max(self.heads.len()), (0.0, 0));
        self.images += more.images;
        for ((loss, correct), (more, others)) in self.heads.iter_mut().zip(more.heads) {
            *loss += more;
            *correct += others;
        }
    }

    /// The losses of all images, each the mean over the heads, summed.
    pub fn loss(&self) -> f64 {
        self.heads.iter().map(|(loss, _)| loss).sum::<f64>() / self.heads.len().max(1) as f64
    }

    /// The results by head.
    pub fn metrics(&self, network: &Network) -> Metrics {
        let images = self.images.max(1) as f64;
        let none = vec![(0.0, 0); network.heads().len()];
        let heads = if self.heads.is_empty() { &none } else { &self.heads };
        let heads = network.heads().iter().zip(heads).map(|(head, &(loss, correct))| HeadMetrics {
            head: head.name.clone(),
            loss: loss / images,
            correct,
        });
        Metrics::new(self.images, heads.collect())
    }
}

impl Metrics {
    /// The results of all heads on `images` images.
    pub fn new(images: usize, heads: Vec<HeadMetrics>) -> Self {
        let sum: f64 = heads.iter().map(|head| head.loss).sum();
        Self { images, loss: sum / heads.len().max(1) as f64, heads }
    }
}

/// What the network says about one image and addend.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// What each head says, in the network's order.
    pub heads: Vec<HeadPrediction>,
}

/// What one head says about an image.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadPrediction {
    /// The head's name.
    pub head: String,
    /// The probability of each class.
    pub probabilities: Vec<f32>,
}

impl HeadPrediction {
    /// The first class of the highest probability.
    pub fn likeliest(&self) -> usize {
        let p = &self.probabilities;
        (0..p.len()).fold(0, |best, class| if p[class] > p[best] { class } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins() {
        let likeliest =
            |p: &[f32]| HeadPrediction { head: "digit".into(), probabilities: p.to_vec() }.likeliest();
        assert_eq!(likeliest(&[0.1, 0.4, 0.4, 0.1]), 1);
        assert_eq!(likeliest(&[0.9, 0.1]), 0);
        assert_eq!(likeliest(&[]), 0);
    }
}
