//! The checkpoints of a run, one file for each step that was saved.

use std::fs;
use std::path::{Path, PathBuf};

use super::cannot;
use crate::escape::Shown;
use crate::network::Network;
use crate::train::Checkpoint;
use crate::{Error, Result};

/// The checkpoints of a run.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Saves one, and removes all but the newest `keep`; none of them where all are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn save(&self, checkpoint: &Checkpoint, network: &Network, keep: Option<usize>) -> Result<()> {
        checkpoint.save(&self.path(checkpoint.state.step), network)?;
        let Some(keep) = keep else { return Ok(()) };
        let all = self.all()?;
        for (_, path) in &all[..all.len().saturating_sub(keep.max(1))] {
            fs::remove_file(path).map_err(|error| cannot("remove", path, &error))?;
        }
        Ok(())
    }

    /// Whether the one of a step is still there.
    pub(crate) fn has(&self, step: u32) -> bool {
        self.path(step).is_file()
    }

    /// Loads the newest that is whole; `say` receives why a newer one is not taken.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] where there is none.
    pub(crate) fn newest(&self, network: &Network, say: &mut dyn FnMut(&str)) -> Result<Checkpoint> {
        for (_, path) in self.all()?.iter().rev() {
            match Checkpoint::load(path, network) {
                Ok(checkpoint) => return Ok(checkpoint),
                Err(error) => say(&format!("warning: {error}. The one before it is tried")),
            }
        }
        Err(Error::Data(format!("{} holds no whole checkpoint", self.folder.shown())))
    }

    /// Removes those after a step: another future of the training than the one that is to come.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn forget_after(&self, step: u32) -> Result<()> {
        for (_, path) in self.all()?.iter().filter(|(of, _)| *of > step) {
            fs::remove_file(path).map_err(|error| cannot("remove", path, &error))?;
        }
        Ok(())
    }

    fn path(&self, step: u32) -> PathBuf {
        self.folder.join(format!("step_{step:010}.safetensors"))
    }

    /// Their steps and files, from the oldest on.
    fn all(&self) -> Result<Vec<(u32, PathBuf)>> {
        let wrong = |error| cannot("read", &self.folder, &error);
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            all.extend(step(&path).filter(|_| path.is_file()).map(|step| (step, path)));
        }
        all.sort();
        Ok(all)
    }
}

/// The step that a checkpoint's file is named after.
fn step(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("step_")?.strip_suffix(".safetensors")?.parse().ok()
}
