//! Everything that a training needs to go on as if it had never stopped, in one safetensors file.
//!
//! The weights have PyTorch's names, as in a [model file](super::model_file); Adam's moments have them too, after
//! PyTorch's own words for them, `exp_avg.` and `exp_avg_sq.`, and so has the weights' average, where one is kept,
//! after `ema.`. One file, so that all are always those of the same step; checksums in its metadata hold them
//! together.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::log::Running;
use super::model_file::{self, About, parameters_sha256};
use super::{State, Tally};
use crate::escape::Shown;
use crate::network::Network;
use crate::{Error, Result, atomic};

/// Where a training stands, after whole steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The epoch in progress, from 1.
    pub epoch: u32,
    /// Its images that are done.
    pub images: usize,
    /// Their results.
    pub tally: Tally,
    /// Time that they took.
    pub seconds: f64,
    /// The losses since the last line of the log.
    pub log: Option<Running>,
}

impl Place {
    /// Before the first step of an epoch.
    pub fn start_of(epoch: u32) -> Self {
        Self { epoch, images: 0, tally: Tally::default(), seconds: 0.0, log: None }
    }
}

/// A training at some step.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Weights, moments, average and the number of steps.
    pub state: State,
    /// How the weights were made.
    pub about: About,
    /// What of the training is done.
    pub place: Place,
}

/// The metadata: a model file's, and more.
#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(flatten)]
    about: About,
    step: u32,
    place: Place,
    parameters_sha256: String,
    moments_sha256: [String; 2],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    average_sha256: Option<String>,
}

/// What the names of both moments' tensors begin with.
pub(super) const MOMENTS: [&str; 2] = ["exp_avg.", "exp_avg_sq."];
/// What those of the average begin with.
pub(super) const AVERAGE: &str = "ema.";

impl Checkpoint {
    /// Saves it to a file that is whole or not there.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file.
    pub fn save(&self, path: &Path, network: &Network) -> Result<()> {
        let file = self
            .encoded(network)
            .map_err(|what| Error::Data(format!("cannot write {}: {what}", path.shown())))?;
        atomic::write(path, &file)
    }

    /// The bytes of such a file.
    ///
    /// # Errors
    /// [`Error::Data`] for a state of another network.
    pub fn to_bytes(&self, network: &Network) -> Result<Vec<u8>> {
        self.encoded(network).map_err(|what| Error::Data(format!("cannot write the checkpoint: {what}")))
    }

    fn encoded(&self, network: &Network) -> std::result::Result<Vec<u8>, String> {
        let State { parameters, first_moments, second_moments, average, step } = &self.state;
        let saved = Saved {
            about: self.about.clone(),
            step: *step,
            place: self.place.clone(),
            parameters_sha256: parameters_sha256(parameters, network),
            moments_sha256: [first_moments, second_moments]
                .map(|moments| parameters_sha256(moments, network)),
            average_sha256: average.as_ref().map(|average| parameters_sha256(average, network)),
        };
        let [first, second] = MOMENTS;
        let mut groups = vec![("", &parameters[..]), (first, first_moments), (second, second_moments)];
        groups.extend(average.as_ref().map(|average| (AVERAGE, &average[..])));
        model_file::encode(network, &groups, Some(&saved))
    }

    /// Loads a file that [`Self::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file: not a checkpoint, of another network, without the average of a recipe
    /// that keeps one, or with other contents than its checksums say.
    pub fn load(path: &Path, network: &Network) -> Result<Self> {
        Self::of(&model_file::File::read(path)?, network)
    }

    /// Loads a file that is in memory, which errors call `name`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_bytes(name: &str, bytes: &[u8], network: &Network) -> Result<Self> {
        Self::of(&model_file::File::in_memory(Path::new(name), bytes)?, network)
    }

    fn of(file: &model_file::File, network: &Network) -> Result<Self> {
        let wrong = |what: String| Error::Data(format!("{}: {what}", file.path().shown()));
        let saved: Option<Saved> = file.metadata()?;
        let not_one = || wrong("holds weights, but no checkpoint: it has no moments to continue from".into());
        let Saved { about, step, place, parameters_sha256: expected, moments_sha256, average_sha256 } =
            saved.ok_or_else(not_one)?;
        if about.recipe.ema.is_some() && average_sha256.is_none() {
            return Err(wrong(format!(
                "its recipe keeps averaged weights (--ema), but it has no tensors `{AVERAGE}` to continue from"
            )));
        }
        let parameters = file.flat(network, "")?;
        let [first_moments, second_moments] = MOMENTS.map(|prefix| file.flat(network, prefix));
        let (first_moments, second_moments) = (first_moments?, second_moments?);
        let average = average_sha256.as_ref().map(|_| file.flat(network, AVERAGE)).transpose()?;
        let averaged = average.as_ref().map(|average| parameters_sha256(average, network));
        let state = State { parameters, first_moments, second_moments, average, step };
        let sums = [&state.parameters, &state.first_moments, &state.second_moments]
            .map(|flat| parameters_sha256(flat, network));
        let [first, second] = moments_sha256;
        match sums == [expected, first, second] && averaged == average_sha256 {
            true => Ok(Self { state, about, place }),
            false => Err(wrong(
                "its contents are not those that its checksums name: take an older checkpoint".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Sizes;
    use crate::train::Recipe;

    fn checkpoint(network: &Network) -> Checkpoint {
        let parameters = network.initial_parameters(1);
        // Padding is 0 in everything that is read back.
        let scaled = |factor: f32| parameters.iter().map(|w| (w * factor).abs()).collect();
        let (first_moments, second_moments) = (scaled(1e-3), scaled(1e-12));
        let tally = Tally { images: 64, heads: vec![(0.1 + 0.2, 3), (1.0 / 3.0, 4)] };
        let log = Some(Running { step: 9, images: 64, loss: 2.0_f64.sqrt() });
        Checkpoint {
            state: State { parameters, first_moments, second_moments, average: None, step: 939 },
            about: About {
                version: "0".into(),
                recipe: Recipe::default(),
                trained_epochs: Some(1),
                dataset: "none".into(),
                test_sha256: None,
                averaged: false,
            },
            place: Place { epoch: 2, images: 64, tally, seconds: 0.1, log },
        }
    }

    #[test]
    fn comes_back_to_the_last_bit_and_is_a_model_too() {
        let network = Sizes::default().network().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let saved = checkpoint(&network);
        saved.save(&path, &network).unwrap();
        assert_eq!(Checkpoint::load(&path, &network).unwrap(), saved);
        let model = model_file::load(&path, &network).unwrap();
        assert_eq!((model.parameters, model.about), (saved.state.parameters, Some(saved.about)));
    }

    fn averaged(network: &Network) -> Checkpoint {
        let mut checkpoint = checkpoint(network);
        checkpoint.about.recipe.ema = Some(0.9);
        checkpoint.state.average = Some(checkpoint.state.parameters.iter().map(|w| 0.75 * w).collect());
        checkpoint
    }

    #[test]
    fn an_average_comes_back_and_one_that_lacks_is_told() {
        let network = Sizes::default().network().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        let mut saved = averaged(&network);
        saved.save(&path, &network).unwrap();
        assert_eq!(Checkpoint::load(&path, &network).unwrap(), saved);
        assert_eq!(model_file::load(&path, &network).unwrap().parameters, saved.state.parameters);
        saved.state.average = None;
        saved.save(&path, &network).unwrap();
        let error = Checkpoint::load(&path, &network).unwrap_err().to_string();
        assert!(error.contains("--ema") && error.contains("no tensors `ema.`"), "{error}");
    }

    #[test]
    fn other_contents_than_the_checksums_name_are_refused() {
        let network = Sizes::default().network().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        averaged(&network).save(&path, &network).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let group = 4 * network.parameter_count();
        let tensors = whole.len() - 4 * group;
        for at in [tensors, tensors + group, tensors + 2 * group, whole.len() - 4] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            let error = Checkpoint::load(&path, &network).unwrap_err();
            assert!(error.to_string().contains("checksums"), "{error}");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(Checkpoint::load(&path, &network).unwrap_err().exit_code(), 4);
        model_file::save(&path, &network, &network.initial_parameters(1), &checkpoint(&network).about)
            .unwrap();
        let error = Checkpoint::load(&path, &network).unwrap_err();
        assert!(error.to_string().contains("no checkpoint"), "{error}");
    }
}
