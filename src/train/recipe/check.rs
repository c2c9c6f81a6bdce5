//! Which recipes make sense: each value must be one that its flag takes.

use std::fmt::Display;
use std::str::FromStr;

use super::{
    Parsed, Recipe, at_least_one, batch_size, clip_norm, ema, label_smoothing, learning_rate, weight_decay,
};
use crate::data::Amount;
use crate::network::Loss;
use crate::{Error, Result};

/// Of the rooms.
impl Recipe {
    /// Refuses values that no flag takes, and what contradicts itself.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the field or the flags.
    pub fn check(&self) -> Result<()> {
        self.check_values()?;
        match self.patience.is_some() && self.val_split.is_none() {
            false => Ok(()),
            true => Err(Error::Usage(
                "--patience needs --val-split: the loss on images that are trained on says little".into(),
            )),
        }
    }

    /// The same for images that may be held out already.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_values(&self) -> Result<()> {
        self.parse_values().map_err(|what| Error::Usage(format!("the recipe's {what}")))?;
        if let Loss::Smoothed(_) = self.loss {
            return Err(Error::Usage("the recipe's loss is smoothed by its label_smoothing".into()));
        }
        match self.label_smoothing > 0.0 && self.loss != Loss::Logits {
            false => Ok(()),
            true => Err(Error::Usage("--label-smoothing needs --loss logits".into())),
        }
    }

    /// Refuses values that no flag takes: those of a file, or of a program that uses the library.
    fn parse_values(&self) -> Parsed<()> {
        let count =
            |name, count: Option<u64>| count.map_or(Ok(()), |count| parses(name, count, at_least_one));
        count("epochs", Some(self.epochs.into()))?;
        count("patience", self.patience.map(Into::into))?;
        count("eval_interval", self.eval_interval.map(Into::into))?;
        count("limit", self.limit.map(|limit| limit as u64))?;
        count("log_interval", self.log_interval.map(|interval| interval as u64))?;
        parses("batch_size", self.batch_size, batch_size)?;
        parses("learning_rate", self.learning_rate, learning_rate)?;
        parses("weight_decay", self.weight_decay, weight_decay)?;
        self.clip_norm.map_or(Ok(()), |max| parses("clip_norm", max, clip_norm))?;
        self.ema.map_or(Ok(()), |decay| parses("ema", decay, ema))?;
        parses("label_smoothing", self.label_smoothing, label_smoothing)?;
        self.warmup.map_or(Ok(()), |amount| parses("warmup", amount, Amount::from_str))?;
        self.val_split.map_or(Ok(()), |amount| parses("val_split", amount, Amount::from_str))?;
        let shown = self.augment.to_string();
        match shown.parse() {
            Ok(augment) if self.augment == augment => Ok(()),
            Err(what) if !shown.is_empty() => Err(format!("augment: {what}")),
            // What is below 0 or no number is not shown.
            _ => Err("augment must have no number below 0".into()),
        }
    }
}

/// Whether a flag takes this value.
fn parses<T>(name: &str, value: impl Display, parse: fn(&str) -> Parsed<T>) -> Parsed<()> {
    parse(&value.to_string()).map(drop).map_err(|what| format!("{name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Augment;

    #[test]
    fn values_that_no_flag_takes_are_refused_by_field() {
        let recipe = Recipe::default;
        assert!(recipe().check().is_ok());
        for (recipe, words) in [
            (Recipe { epochs: 0, ..recipe() }, "epochs must be at least 1"),
            (Recipe { batch_size: 0, ..recipe() }, "batch_size must be at least 1"),
            (Recipe { batch_size: 4097, ..recipe() }, "batch_size must be at most 4096"),
            (Recipe { learning_rate: f32::NAN, ..recipe() }, "learning_rate must be a number"),
            (Recipe { weight_decay: -1.0, ..recipe() }, "weight_decay must be a number"),
            (Recipe { clip_norm: Some(f32::INFINITY), ..recipe() }, "clip_norm must be a number"),
            (Recipe { ema: Some(1.0), ..recipe() }, "ema must be a number between"),
            (Recipe { label_smoothing: 2.0, ..recipe() }, "label_smoothing must be a share"),
            (Recipe { warmup: Some(Amount::Percent(101.0)), ..recipe() }, "warmup `101%` must be"),
            (Recipe { val_split: Some(Amount::Count(0)), ..recipe() }, "val_split `0` must be"),
            (Recipe { loss: Loss::Smoothed(0.1), ..recipe() }, "loss is smoothed by its label_smoothing"),
            (Recipe { limit: Some(0), ..recipe() }, "limit must be at least 1"),
            (Recipe { patience: Some(0), ..recipe() }, "patience must be at least 1"),
            (Recipe { eval_interval: Some(0), ..recipe() }, "eval_interval must be at least 1"),
            (Recipe { log_interval: Some(0), ..recipe() }, "log_interval must be at least 1"),
            (
                Recipe { augment: Augment { shift: 29.0, ..Augment::NONE }, ..recipe() },
                "augment: `shift` must",
            ),
            (
                Recipe { augment: Augment { scale: f32::NAN, ..Augment::NONE }, ..recipe() },
                "augment must have",
            ),
            (Recipe { augment: Augment { shear: -0.1, ..Augment::LIGHT }, ..recipe() }, "augment must have"),
        ] {
            let error = recipe.check().unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(words), "{error}, not {words}");
        }
    }
}
