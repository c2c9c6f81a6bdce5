//! How many answers were right, as numbers that a reader can compare.

use serde::Serialize;

use crate::train::{HeadMetrics, Metrics};

/// An accuracy with its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Accuracy {
    /// Share of right answers in percent.
    pub percent: f64,
    /// Binomial standard error in percent: `sqrt(p (1 - p) / n)`.
    pub standard_error: f64,
}

impl Accuracy {
    /// Of `correct` right answers among `images`. No images: 0 ± 0.
    pub(crate) fn new(correct: usize, images: usize) -> Self {
        let n = images.max(1) as f64;
        let p = correct as f64 / n;
        Self { percent: 100.0 * correct as f64 / n, standard_error: 100.0 * (p * (1.0 - p) / n).sqrt() }
    }

    /// The same share of answers of which only so many are independent.
    pub(crate) fn of_independent(self, images: usize) -> Self {
        let (p, n) = (self.percent / 100.0, images.max(1) as f64);
        Self { standard_error: 100.0 * (p * (1.0 - p) / n).sqrt(), ..self }
    }
}

impl std::fmt::Display for Accuracy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decimals = f.precision().unwrap_or(2);
        write!(f, "{:.decimals$} ± {:.decimals$} %", self.percent, self.standard_error)
    }
}

/// The result on a test set, for JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TestReport {
    /// Images tested on.
    pub images: usize,
    /// Mean loss per image.
    pub loss: f64,
    /// Each head.
    pub heads: Vec<HeadReport>,
}

/// The result of one head.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct HeadReport {
    /// Name, loss and right answers.
    #[serde(flatten)]
    pub metrics: HeadMetrics,
    /// The right answers as a share.
    #[serde(flatten)]
    pub accuracy: Accuracy,
}

impl From<&Metrics> for TestReport {
    fn from(metrics: &Metrics) -> Self {
        let head = |head: &HeadMetrics| HeadReport {
            metrics: head.clone(),
            accuracy: Accuracy::new(head.correct, metrics.images),
        };
        Self { images: metrics.images, loss: metrics.loss, heads: metrics.heads.iter().map(head).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_and_all_have_no_spread() {
        assert_eq!(Accuracy::new(0, 0).to_string(), "0.00 ± 0.00 %");
        assert_eq!(Accuracy::new(7, 7).to_string(), "100.00 ± 0.00 %");
        assert_eq!(Accuracy::new(9851, 10_000).to_string(), "98.51 ± 0.12 %");
        assert_eq!(format!("{:.3}", Accuracy::new(98_513, 100_000)), "98.513 ± 0.038 %");
    }
}
