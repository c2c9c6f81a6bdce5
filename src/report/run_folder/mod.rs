//! The folder that keeps what a run leaves behind.
//!
//! | | |
//! |---|---|
//! | `config.json` | what the run was asked for, and what it chose |
//! | `metrics.jsonl` | an object per epoch and log interval |
//! | `checkpoints/` | all that it needs to go on |
//! | `last.safetensors`, `averaged.safetensors`, `best.safetensors` | weights |
//! | `plots/`, `summary.json` | what came of it |

mod checkpoints;
pub(crate) mod journal;
mod latest;
mod lock;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use checkpoints::Checkpoints;
pub(crate) use journal::{Entry, Journal, StepRecord};
use lock::Lock;

use crate::escape::Shown;
use crate::{Error, Result, atomic, bounded};

/// Where runs go that have no folder of their own.
const RUNS: &str = "runs";
/// The name that stands for the newest of them.
const LATEST: &str = "latest";

/// In bytes. The largest of them has a line for each time that the run was continued.
const MOST_JSON: u64 = 16_000_000;
/// As much as is read of weights anywhere.
const MOST_WEIGHTS: u64 = 64_000_000;

/// A run's folder. While one is held by a training no other training can have it.
pub(crate) struct RunFolder {
    path: PathBuf,
    _lock: Option<Lock>,
}

/// Refuses a folder that has something in it, so that no run overwrites another.
///
/// # Errors
///
/// [`Error::Usage`] naming the folder, [`Error::Data`] where it cannot be read.
pub(crate) fn refuse_used(folder: &Path) -> Result<()> {
    let refusal = match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(false) => return Ok(()),
        Ok(true) => "is not empty: give --out another one, or remove it first",
        Err(error) => match error.kind() {
            ErrorKind::NotFound => return Ok(()),
            ErrorKind::NotADirectory => "is not a folder: give --out another name",
            _ => {
                let folder = folder.shown();
                return Err(Error::Data(format!("cannot read {folder}: {error}. Give --out another folder")));
            }
        },
    };
    Err(Error::Usage(format!("{} {refusal}", folder.shown())))
}

impl RunFolder {
    /// Creates `folder`, or a new `runs/<date>_<time>_seed<seed>` where none is given.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when `folder` is not empty, [`Error::Data`] when it cannot be created.
    pub(crate) fn create(folder: Option<&Path>, seed: u64) -> Result<Self> {
        let path = match folder {
            Some(folder) => {
                refuse_used(folder)?;
                fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
                folder.to_path_buf()
            }
            None => create_dated(Path::new(RUNS), seed)?,
        };
        for part in ["checkpoints", "plots"] {
            let path = path.join(part);
            fs::create_dir(&path).map_err(|error| cannot("create", &path, &error))?;
        }
        let lock = Some(Lock::take(&path)?);
        Ok(Self { path, _lock: lock })
    }

    /// A run that is to be read: its folder, or a name for it such as `runs/latest`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] where there is no run.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let path = latest::followed(path);
        match path.join("config.json").is_file() {
            true => Ok(Self { path, _lock: None }),
            false => Err(Error::Data(format!("{} holds no run: it has no config.json", path.shown()))),
        }
    }

    /// The same to train on in it.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where a training has it already; [`Error::Data`] where it cannot be written to.
    pub(crate) fn hold(mut self) -> Result<Self> {
        self._lock = Some(Lock::take(&self.path)?);
        for folder in [self.path.clone(), self.path.join("checkpoints"), self.plots()] {
            atomic::clear_remains(&folder);
        }
        Ok(self)
    }

    /// The newest run of those without a folder of their own, where there is one.
    pub(crate) fn latest() -> PathBuf {
        Path::new(RUNS).join(LATEST)
    }

    /// Makes `runs/latest` name this run, if it lies there.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn name_latest(&self) -> Result<()> {
        match self.path.parent() == Some(Path::new(RUNS)) {
            true => latest::name(&Self::latest(), &self.path),
            false => Ok(()),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the weights after the last epoch go.
    pub(crate) fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// Where their average goes.
    pub(crate) fn averaged(&self) -> PathBuf {
        self.path.join("averaged.safetensors")
    }

    /// Where the weights of the best epoch go.
    pub(crate) fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// Its checkpoints.
    pub(crate) fn checkpoints(&self) -> Checkpoints {
        Checkpoints::new(self.path.join("checkpoints"))
    }

    /// Where its plots go.
    pub(crate) fn plots(&self) -> PathBuf {
        self.path.join("plots")
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn forget(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot("remove", &path, &error)),
            _ => Ok(()),
        }
    }

    /// Copies the best weights of another run, if it has some.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn take_best_of(&self, other: &Self) -> Result<()> {
        match bounded::read_regular(&other.best(), MOST_WEIGHTS) {
            Ok(bytes) => atomic::write(&self.best(), &bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(cannot("read", &other.best(), &error)),
        }
    }

    /// Where its metrics go.
    pub(crate) fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Writes `name` as indented JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.path.join(name);
        let text =
            serde_json::to_string_pretty(value).map_err(|error| cannot("write", &path, &error.into()))?;
        atomic::write(&path, format!("{text}\n").as_bytes())
    }

    /// Reads `name`, which [`Self::write_json`] wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.path.join(name);
        let text = bounded::read_text(&path, MOST_JSON).map_err(|error| cannot("read", &path, &error))?;
        let wrong = |error: serde_json::Error| format!("{}: {}", path.shown(), error.to_string().shown());
        serde_json::from_str(&text).map_err(|error| Error::Data(wrong(error)))
    }
}

/// Two runs may start in the same second: the later one gets a number.
fn create_dated(runs: &Path, seed: u64) -> Result<PathBuf> {
    fs::create_dir_all(runs).map_err(|error| cannot("create", runs, &error))?;
    let name = format!("{}_seed{seed}", chrono::Local::now().format("%Y-%m-%d_%H-%M-%S"));
    let mut path = runs.join(&name);
    let mut number = 2;
    loop {
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                path = runs.join(format!("{name}_{number}"));
                number += 1;
            }
            Err(error) => return Err(cannot("create", &path, &error)),
        }
    }
}

fn cannot(verb: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Data(format!("cannot {verb} {}: {error}", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_folder_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        drop(RunFolder::create(Some(&folder), 1).unwrap());
        let error = RunFolder::create(Some(&folder), 1).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        let file = folder.join("config.json");
        fs::write(&file, "").unwrap();
        let error = RunFolder::create(Some(&file), 1).err().unwrap();
        assert!(error.exit_code() == 2 && error.to_string().contains("not a folder"), "{error}");
    }

    #[test]
    fn one_training_at_a_time_has_a_folder() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("run");
        let held = RunFolder::create(Some(&folder), 1).unwrap();
        assert!(RunFolder::open(&folder).err().unwrap().to_string().contains("holds no run"));
        held.write_json("config.json", &1).unwrap();
        assert_eq!(RunFolder::open(&folder).unwrap().read_json::<u32>("config.json").unwrap(), 1);
        let error = RunFolder::open(&folder).unwrap().hold().err().unwrap();
        assert!(error.exit_code() == 2 && error.to_string().contains("another training"), "{error}");
        drop(held);
        assert!(RunFolder::open(&folder).unwrap().hold().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_read_is_not_a_file() {
        // As where permission lacks, which root always has.
        let parent = tempfile::tempdir().unwrap();
        let error = refuse_used(&parent.path().join("x".repeat(300))).unwrap_err();
        assert_eq!(error.exit_code(), 4, "{error}");
        assert!(error.to_string().contains("cannot read ") && error.to_string().contains("--out"), "{error}");
    }

    #[test]
    fn runs_of_one_second_are_kept_apart() {
        let parent = tempfile::tempdir().unwrap();
        let paths: std::collections::HashSet<_> =
            (0..5).map(|_| create_dated(parent.path(), 7).unwrap()).collect();
        assert_eq!(paths.len(), 5);
        assert!(paths.iter().all(|p| p.to_string_lossy().contains("_seed7")));
    }
}
