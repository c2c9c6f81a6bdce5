//! Which loss is minimised.

use serde::{Deserialize, Serialize};

/// Which loss is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Cross-entropy on the logits of each head, averaged.
    #[default]
    Logits,
    /// Softmax in the network, then a cross-entropy that applies log-softmax again: the published
    /// run's mistake, kept to reproduce its curve.
    DoubleSoftmax,
    /// The first against labels of which this share, from 0 to 1, is spread evenly over all classes of a head
    /// (Szegedy et al., 2016). What is told of a training stays the cross-entropy against the right class.
    #[value(skip)]
    #[serde(skip)]
    Smoothed(f32),
}

/// Of the rooms.
impl Loss {
    /// The share of a label that is spread over all classes.
    pub fn smoothing(self) -> f32 {
        match self {
            Self::Logits | Self::DoubleSoftmax => 0.0,
            Self::Smoothed(share) => share,
        }
    }
}
