//! Everything that determines a training run: the flags of `train`, `config.json`, and the metadata of
//! weights.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::LearningRate;
use crate::data::{AddendDraw, Amount};
use crate::network::Loss;
use crate::ops::adam::Adam;
use crate::plans::Kind;
use crate::{Error, Result};

/// Everything that determines a training run.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Passes over the training set
    #[arg(long, value_name = "N", default_value_t = Self::default().epochs, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,
    /// Images of a training step
    #[arg(long, value_name = "N", default_value_t = Self::default().batch_size, value_parser = batch_size)]
    pub batch_size: usize,
    /// Learning rate of Adam
    #[arg(long = "lr", value_name = "RATE", default_value_t = Self::default().learning_rate, value_parser = learning_rate)]
    pub learning_rate: f32,
    /// Determines initial weights, order and addends: one seed, one result
    #[arg(long, value_name = "N", default_value_t = Self::default().seed)]
    pub seed: u64,
    /// The loss to minimise
    #[arg(long, value_enum, default_value_t)]
    pub loss: Loss,
    /// When the addends of the training images are drawn
    #[arg(long, value_enum, default_value_t)]
    pub addends: AddendDraw,
    /// How a GPU cuts the network into dispatches
    #[arg(long, value_enum, default_value_t)]
    pub plan: Kind,
    /// Train on the first N images only
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
    /// Hold the last images of the training set out, a number or a share of them such as 10%, to choose the
    /// best weights by
    #[arg(long, value_name = "N|P%")]
    pub val_split: Option<Amount>,
    /// Stop when the loss on the held-out images has not fallen for N epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub patience: Option<u32>,
    /// Run the test set after every N epochs too, not only at the end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub eval_interval: Option<u32>,
    /// Print the mean loss of every N steps; a small N costs speed
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub log_interval: Option<usize>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 64,
            learning_rate: 1e-3,
            seed: 1,
            loss: Loss::default(),
            addends: AddendDraw::default(),
            plan: Kind::default(),
            limit: None,
            val_split: None,
            patience: None,
            eval_interval: None,
            log_interval: None,
        }
    }
}

impl Recipe {
    /// The learning rate of each step.
    pub fn rates(&self, _steps_per_epoch: u32) -> LearningRate {
        LearningRate::constant(self.learning_rate)
    }

    /// Whether a change of the number of epochs changes the rate of any step.
    pub fn depends_on_epochs(&self) -> bool {
        false
    }

    /// Refuses what contradicts itself.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the flags.
    pub fn check(&self) -> Result<()> {
        if self.patience.is_some() && self.val_split.is_none() {
            return Err(Error::Usage(
                "--patience needs --val-split: the loss on images that are trained on says little".into(),
            ));
        }
        Ok(())
    }

    /// The optimizer's hyperparameters, except the learning rate.
    pub fn adam(&self) -> Adam {
        Adam::default()
    }
}

/// A flag's value, or what it must be.
pub type Parsed<T> = std::result::Result<T, String>;

/// Parses a count that cannot be 0.
///
/// # Errors
/// What it must be.
pub fn at_least_one(text: &str) -> Parsed<usize> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("must be a whole number, at least 1".into()),
    }
}

/// Parses a batch size. The tests count the loops of every kernel up to this one: a software driver silently
/// ends them after 65,535 iterations, and sums over a larger batch might lose images there.
///
/// # Errors
/// What it must be.
pub fn batch_size(text: &str) -> Parsed<usize> {
    match at_least_one(text)? {
        n if n <= 4096 => Ok(n),
        _ => Err("must be at most 4096".into()),
    }
}

fn learning_rate(text: &str) -> Parsed<f32> {
    match text.parse::<f32>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("must be a number greater than 0, such as 0.001".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_make_no_sense_are_refused() {
        assert_eq!(at_least_one("60000"), Ok(60_000));
        for text in ["0", "-1", "1.5", "", "ten"] {
            assert!(at_least_one(text).is_err(), "{text}");
        }
        assert_eq!(batch_size("4096"), Ok(4096));
        assert!(batch_size("4097").is_err());
        assert_eq!(learning_rate("1e-3"), Ok(1e-3));
        for text in ["0", "-1", "NaN", "inf", "1e-60", "fast"] {
            assert!(learning_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_recipe_survives_json_and_fills_in_what_is_missing() {
        let recipe = Recipe { epochs: 3, limit: Some(7), loss: Loss::DoubleSoftmax, ..Recipe::default() };
        let text = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
        assert_eq!(
            serde_json::from_str::<Recipe>("{\"seed\":9}").unwrap(),
            Recipe { seed: 9, ..Recipe::default() }
        );
    }
}
