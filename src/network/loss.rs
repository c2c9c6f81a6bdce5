//! Which loss is minimised.

use serde::{Deserialize, Serialize};

/// Which loss is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Cross-entropy on the logits of each head, averaged.
    #[default]
    Logits,
    /// Softmax in the network, then a cross-entropy that applies log-softmax again: the published
    /// run's mistake, kept to reproduce its curve.
    DoubleSoftmax,
}
