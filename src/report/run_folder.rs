//! The folder that keeps what a run leaves behind.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::plot;
use crate::train::run::EpochRecord;
use crate::{Error, Result, atomic};

/// A run's folder: `config.json`, `epochs.jsonl`, `model.safetensors`, `result.json`, `loss.svg`
/// and `loss.png`.
pub(crate) struct RunFolder {
    path: PathBuf,
    epochs: File,
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
                let folder = folder.display();
                return Err(Error::Data(format!("cannot read {folder}: {error}. Give --out another folder")));
            }
        },
    };
    Err(Error::Usage(format!("{} {refusal}", folder.display())))
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
            None => create_dated(Path::new("runs"), seed)?,
        };
        let log = path.join("epochs.jsonl");
        let epochs = File::create(&log).map_err(|error| cannot("create", &log, &error))?;
        Ok(Self { path, epochs })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the trained weights go.
    pub(crate) fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// Adds one line to `epochs.jsonl`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn append(&mut self, record: &EpochRecord) -> Result<()> {
        let line = serde_json::to_string(record).map_err(std::io::Error::from);
        // One write per line: a reader never sees half of one.
        line.and_then(|line| self.epochs.write_all(format!("{line}\n").as_bytes()))
            .map_err(|error| cannot("write", &self.path.join("epochs.jsonl"), &error))
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

    /// Draws `loss.svg` and `loss.png`. No epochs, no plot.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn write_plot(&self, records: &[EpochRecord], title: &str) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let plot = plot::draw(records, title);
        atomic::write(&self.path.join("loss.svg"), plot.svg().as_bytes())?;
        atomic::write(&self.path.join("loss.png"), &plot.png()?)
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
    Error::Data(format!("cannot {verb} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{HeadMetrics, Metrics};

    fn record(epoch: u32) -> EpochRecord {
        let metrics = |images, correct| {
            Metrics::new(images, vec![HeadMetrics { head: "digit".into(), loss: 0.25, correct }])
        };
        let test = (epoch == 2).then(|| metrics(5, 2));
        EpochRecord {
            epoch,
            step: 1,
            learning_rate: 1e-3,
            validation: None,
            train: metrics(10, 3),
            seconds: 0.1,
            test,
        }
    }

    #[test]
    fn a_line_an_epoch_is_there_at_once() {
        let parent = tempfile::tempdir().unwrap();
        let mut folder = RunFolder::create(Some(&parent.path().join("a/b")), 1).unwrap();
        for epoch in 1..=2 {
            folder.append(&record(epoch)).unwrap();
            let text = fs::read_to_string(folder.path().join("epochs.jsonl")).unwrap();
            let read: Vec<EpochRecord> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
            assert_eq!(read, (1..=epoch).map(record).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_used_folder_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        assert!(RunFolder::create(Some(parent.path()), 1).is_ok(), "empty");
        let error = RunFolder::create(Some(parent.path()), 1).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        let file = parent.path().join("epochs.jsonl");
        let error = RunFolder::create(Some(&file), 1).err().unwrap();
        assert!(error.exit_code() == 2 && error.to_string().contains("not a folder"), "{error}");
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
