//! `config.json` of a run: what it was asked for, and what it chose.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::options::{AdapterOptions, DataOptions};
use crate::data::Dataset;
use crate::engine::Adapter;
use crate::escape::Shown;
use crate::report::run_folder::RunFolder;
use crate::train::Recipe;
use crate::{Error, Result};

/// The file's name.
pub(super) const FILE: &str = "config.json";

/// What a run was asked for, and what it chose.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RunConfig {
    pub program: String,
    pub version: String,
    pub system: String,
    pub started: String,
    pub adapter: Adapter,
    /// By name; none where nothing is cut into tiles.
    pub tiles: Option<String>,
    /// The folder of the shaders under hot reload; else they are the program's own.
    pub shaders: Option<PathBuf>,
    /// The weights that it started from; else they were drawn from the seed.
    pub init: Option<Weights>,
    pub data: Data,
    /// The flags that chose adapter and data.
    pub asked: Asked,
    #[serde(flatten)]
    pub recipe: Recipe,
    /// When it was continued.
    #[serde(default)]
    pub resumed: Vec<Resumed>,
}

impl RunConfig {
    /// Where the training was when it stopped.
    pub(super) fn last_adapter(&self) -> &Adapter {
        self.resumed.last().map_or(&self.adapter, |resumed| &resumed.adapter)
    }
}

/// Weights that a run started from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Weights {
    pub file: PathBuf,
    pub parameters_sha256: String,
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Data {
    pub origin: String,
    pub training: Part,
    pub validation: Part,
    pub test: Part,
}

/// One part of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub images: usize,
    /// Over all images and then all labels.
    pub sha256: String,
}

/// The flags that chose adapter and data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    #[serde(flatten)]
    pub adapter: AdapterOptions,
    #[serde(flatten)]
    pub data: DataOptions,
}

/// A continuation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Resumed {
    pub at_step: u32,
    pub started: String,
    pub version: String,
    pub adapter: Adapter,
}

impl RunConfig {
    /// That of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(super) fn read(folder: &RunFolder) -> Result<Self> {
        folder.read_json(FILE)
    }
}

impl Data {
    /// A data set.
    pub(super) fn of(dataset: &Dataset) -> Self {
        let part = |split: &crate::data::Split| Part { images: split.len(), sha256: split.sha256() };
        let (training, (validation, test)) = rayon::join(
            || part(&dataset.train),
            || rayon::join(|| part(&dataset.validation), || part(&dataset.test)),
        );
        Self { origin: dataset.origin.clone(), training, validation, test }
    }

    /// Fails unless this is the data that a run was trained on before, wherever that lay.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the part that differs.
    pub(super) fn check_same(&self, before: &Self) -> Result<()> {
        for (part, now, then) in [
            ("training", &self.training, &before.training),
            ("validation", &self.validation, &before.validation),
            ("test", &self.test, &before.test),
        ] {
            if now != then {
                return Err(Error::Data(format!(
                    "the {part} images are not those that the run was trained with: now {} images of {}, then {} \
                     of {}. Give the same data with --data-dir or --dataset",
                    now.images,
                    self.origin,
                    then.images,
                    before.origin.shown()
                )));
            }
        }
        Ok(())
    }
}

/// The time, for people.
pub(super) fn now() -> String {
    chrono::Local::now().format("%Y-%m-%d %H:%M:%S %:z").to_string()
}
