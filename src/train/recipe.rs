//! Everything that determines a training run: the flags of `train`, `config.json`, and the metadata of
//! weights.

mod check;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{LearningRate, Schedule};
use crate::data::{AddendDraw, Amount, Augment};
use crate::network::Loss;
use crate::ops::adam::Adam;
use crate::plans::Kind;

/// Everything that determines a training run.
///
/// ```
/// use digit_adder::{Augment, Recipe, Schedule};
///
/// let recipe = Recipe {
///     epochs: 20,
///     lr_schedule: Schedule::OneCycle,
///     augment: Augment::LIGHT,
///     ema: Some(0.999),
///     ..Recipe::default()
/// };
/// assert_eq!((recipe.batch_size, recipe.learning_rate), (64, 0.001));
/// ```
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Passes over the training set
    #[arg(long, value_name = "N", default_value_t = Self::default().epochs, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,
    /// Images of a training step
    #[arg(long, value_name = "N", default_value_t = Self::default().batch_size, value_parser = batch_size)]
    pub batch_size: usize,
    /// Learning rate of Adam; the highest one, where a schedule changes it
    #[arg(long = "lr", value_name = "RATE", default_value_t = Self::default().learning_rate, value_parser = learning_rate)]
    pub learning_rate: f32,
    /// How the learning rate changes from step to step
    #[arg(long, value_enum, default_value_t)]
    pub lr_schedule: Schedule,
    /// Raise the learning rate over the first steps, so many or a share of all such as 5% [default: none, of
    /// one-cycle 30%]
    #[arg(long, value_name = "N|P%")]
    pub warmup: Option<Amount>,
    /// Let all parameters, biases too, lose this times the learning rate times themselves in every step
    /// (AdamW)
    #[arg(long, value_name = "RATE", default_value_t = Self::default().weight_decay, value_parser = weight_decay)]
    pub weight_decay: f32,
    /// Scale a gradient whose L2 norm, over all parameters, is larger than this down to it
    #[arg(long, value_name = "MAX", value_parser = clip_norm)]
    pub clip_norm: Option<f32>,
    /// Keep an exponential moving average of all parameters too, with this decay, such as 0.999: it is what is
    /// tested and, with --val-split, what the best epoch is chosen by
    #[arg(long, value_name = "DECAY", value_parser = ema)]
    pub ema: Option<f32>,
    /// Determines initial weights, order, addends and changes of images: one seed, one result
    #[arg(long, value_name = "N", default_value_t = Self::default().seed)]
    pub seed: u64,
    /// The loss to minimise
    #[arg(long, value_enum, default_value_t)]
    pub loss: Loss,
    /// Spread this share of every label over all classes of its head; the loss that is printed stays that against
    /// the label itself
    #[arg(long, value_name = "SHARE", default_value_t = Self::default().label_smoothing, value_parser = label_smoothing)]
    pub label_smoothing: f32,
    /// Change the training images at random, anew in every epoch: none, light or full, or how far, such as
    /// light,rotation=15 (numbers: rotation in degrees, scale, shear, shift and elastic in pixels)
    #[arg(long, value_name = "LEVEL", default_value_t)]
    pub augment: Augment,
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
            lr_schedule: Schedule::default(),
            warmup: None,
            weight_decay: 0.0,
            clip_norm: None,
            ema: None,
            seed: 1,
            loss: Loss::default(),
            label_smoothing: 0.0,
            augment: Augment::NONE,
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

/// Of the rooms.
impl Recipe {
    /// The learning rate of each step, if an epoch has so many.
    pub fn rates(&self, steps_per_epoch: u32) -> LearningRate {
        let steps = u64::from(self.epochs) * u64::from(steps_per_epoch);
        LearningRate::new(self.learning_rate, self.lr_schedule, self.warmup, steps)
    }

    /// Whether the learning rate of a step is another if there are more or fewer epochs.
    pub fn depends_on_epochs(&self) -> bool {
        self.lr_schedule != Schedule::Constant || matches!(self.warmup, Some(Amount::Percent(_)))
    }

    /// The same for weights that are run and not trained: without what only training needs.
    pub fn to_run(&self) -> Self {
        Self { augment: Augment::NONE, ema: None, ..self.clone() }
    }

    /// What is minimised.
    pub fn loss(&self) -> Loss {
        match self.loss {
            Loss::Logits if self.label_smoothing > 0.0 => Loss::Smoothed(self.label_smoothing),
            loss => loss,
        }
    }

    /// The optimizer's hyperparameters, except the learning rate.
    pub fn adam(&self) -> Adam {
        Adam {
            weight_decay: f64::from(self.weight_decay),
            clip_norm: self.clip_norm.map(f64::from),
            ema: self.ema.map(f64::from),
            ..Adam::default()
        }
    }
}

/// A flag's value, or what it must be.
pub type Parsed<T> = Result<T, String>;

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
    positive(text).ok_or_else(|| "must be a number greater than 0, such as 0.001".into())
}

fn clip_norm(text: &str) -> Parsed<f32> {
    positive(text).ok_or_else(|| "must be a number greater than 0, such as 1".into())
}

fn ema(text: &str) -> Parsed<f32> {
    positive(text)
        .filter(|decay| *decay < 1.0)
        .ok_or_else(|| "must be a number between 0 and 1, such as 0.999".into())
}

fn weight_decay(text: &str) -> Parsed<f32> {
    match text.parse::<f32>() {
        // The sign of a zero is dropped.
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate.abs()),
        _ => Err("must be a number that is not negative, such as 0.01".into()),
    }
}

fn label_smoothing(text: &str) -> Parsed<f32> {
    match text.parse::<f32>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share.abs()),
        _ => Err("must be a share from 0 to 1, such as 0.1".into()),
    }
}

fn positive(text: &str) -> Option<f32> {
    text.parse().ok().filter(|number: &f32| number.is_finite() && *number > 0.0)
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
            assert!(clip_norm(text).is_err(), "{text}");
        }
        assert_eq!(clip_norm("1"), Ok(1.0));
        assert_eq!(ema("0.999"), Ok(0.999));
        for text in ["0", "1", "-0.5", "1.5", "NaN", "0.999999999", "most", ""] {
            assert!(ema(text).is_err(), "{text}");
        }
        assert_eq!(
            [weight_decay("0"), weight_decay("-0"), weight_decay("1e-2")],
            [Ok(0.0), Ok(0.0), Ok(0.01)]
        );
        for text in ["-1", "-1e-9", "NaN", "inf", "1e40", "some", ""] {
            assert!(weight_decay(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_recipe_survives_json_and_fills_in_what_is_missing() {
        let (warmup, clip_norm) = (Some(Amount::Percent(5.0)), Some(0.5));
        let recipe = Recipe { epochs: 3, limit: Some(7), loss: Loss::DoubleSoftmax, ..Recipe::default() };
        let schedule = Schedule::OneCycle;
        let recipe = Recipe { lr_schedule: schedule, warmup, weight_decay: 0.01, clip_norm, ..recipe };
        let text = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
        assert_eq!(
            serde_json::from_str::<Recipe>("{\"seed\":9}").unwrap(),
            Recipe { seed: 9, ..Recipe::default() }
        );
        assert!(text.contains("\"lr_schedule\":\"one-cycle\",\"warmup\":\"5%\""), "{text}");
    }

    #[test]
    fn it_is_known_which_rates_depend_on_the_epochs() {
        let schedules = [Schedule::Constant, Schedule::Cosine, Schedule::Step, Schedule::OneCycle];
        let warmups = [None, Some(Amount::Count(7)), Some(Amount::Percent(50.0))];
        for (lr_schedule, warmup) in schedules.into_iter().flat_map(|s| warmups.map(|w| (s, w))) {
            let [few, many] =
                [2, 3].map(|epochs| Recipe { epochs, lr_schedule, warmup, ..Recipe::default() });
            let same = |steps| {
                let [few, many] = [few.rates(steps), many.rates(steps)];
                (1..=2 * steps).all(|step| few.at(step) == many.at(step))
            };
            assert_eq!(!same(10), few.depends_on_epochs(), "{lr_schedule}, {warmup:?}");
            // A warm-up that is longer than all epochs.
            assert!(same(2) || few.depends_on_epochs(), "{lr_schedule}, {warmup:?}");
        }
    }

    #[test]
    fn the_optimizer_is_told_all() {
        assert_eq!(Recipe::default().adam(), Adam::default());
        let recipe = Recipe { weight_decay: 0.25, clip_norm: Some(2.0), ema: Some(0.5), ..Recipe::default() };
        let adam = Adam { weight_decay: 0.25, clip_norm: Some(2.0), ema: Some(0.5), ..Adam::default() };
        assert_eq!(recipe.adam(), adam);
    }
}
