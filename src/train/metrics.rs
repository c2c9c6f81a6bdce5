//! The results of a pass over images, and of one image, head by head.

use serde::{Deserialize, Serialize};

use crate::escape::Shown;
use crate::network::Network;
use crate::{Error, Result};

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
    /// The results of the head of that name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn head(&self, name: &str) -> Result<&HeadMetrics> {
        found(self.heads.iter().map(|head| (&head.head, head)), name)
    }

    /// The share of images, 0 to 1, that the head of that name was right about; 0 of no images.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub fn accuracy(&self, name: &str) -> Result<f64> {
        Ok(self.head(name)?.correct as f64 / self.images.max(1) as f64)
    }

    /// The results of several tests with the same heads, as if each answer were about an image of its own.
    pub fn together(tests: &[Self]) -> Self {
        let images: usize = tests.iter().map(|test| test.images).sum();
        let Some(first) = tests.first() else { return Self::default() };
        let head = |(place, head): (usize, &HeadMetrics)| {
            let of_all =
                || tests.iter().filter_map(|test| Some((test.images as f64, test.heads.get(place)?)));
            let loss: f64 = of_all().map(|(images, head)| images * head.loss).sum();
            HeadMetrics {
                head: head.head.clone(),
                loss: loss / images.max(1) as f64,
                correct: of_all().map(|(_, head)| head.correct).sum(),
            }
        };
        Self::new(images, first.heads.iter().enumerate().map(head).collect())
    }
}

/// Of the rooms.
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

impl Prediction {
    /// What the head of that name says.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn head(&self, name: &str) -> Result<&HeadPrediction> {
        found(self.heads.iter().map(|head| (&head.head, head)), name)
    }
}

/// The head of a name, or which heads there are.
fn found<'a, T>(heads: impl Iterator<Item = (&'a String, &'a T)> + Clone, name: &str) -> Result<&'a T> {
    let found = heads.clone().find(|(head, _)| *head == name);
    found.map(|(_, head)| head).ok_or_else(|| {
        let known: Vec<String> = heads.map(|(head, _)| head.shown()).collect();
        Error::Usage(format!("there is no head `{}`: the heads are {}", name.shown(), known.join(", ")))
    })
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
    fn heads_are_found_by_name() {
        let head = |head: &str, correct| HeadMetrics { head: head.into(), loss: 0.5, correct };
        let metrics = Metrics::new(40, vec![head("digit", 30), head("sum", 10)]);
        assert_eq!((metrics.accuracy("sum").unwrap(), metrics.head("digit").unwrap().correct), (0.25, 30));
        let error = metrics.accuracy("parity").unwrap_err().to_string();
        assert_eq!(error, "there is no head `parity`: the heads are digit, sum");
        assert_eq!(Metrics::default().images, 0);
    }

    #[test]
    fn the_first_of_equals_wins() {
        let likeliest =
            |p: &[f32]| HeadPrediction { head: "digit".into(), probabilities: p.to_vec() }.likeliest();
        assert_eq!(likeliest(&[0.1, 0.4, 0.4, 0.1]), 1);
        assert_eq!(likeliest(&[0.9, 0.1]), 0);
        assert_eq!(likeliest(&[]), 0);
    }
}
