//! `metrics.jsonl`: what a training went through, an object a line.

use std::fs::{File, OpenOptions};
use std::io::{Error, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cannot;
use crate::train::run::EpochRecord;
use crate::{Result, atomic, bounded};

/// Bytes of a line. Of lines there may be any number, and where one is none, nothing more is read.
const MOST: u64 = 64_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Entry {
    /// An epoch that ended.
    Epoch(EpochRecord),
    /// The running loss inside of one.
    Step(StepRecord),
}

/// The mean over the steps since the last such line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StepRecord {
    /// Steps of the training so far.
    pub step: u32,
    /// The learning rate of the last of them.
    pub learning_rate: f32,
    /// Mean loss per image, each with the weights of its own step.
    pub loss: f64,
    /// Images trained on, per second.
    pub images_per_second: f64,
}

impl Entry {
    fn step(&self) -> u32 {
        match self {
            Self::Epoch(record) => record.step,
            Self::Step(record) => record.step,
        }
    }
}

/// A file of such lines that grows.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// A line may be there in part only: nothing can follow it.
    torn: bool,
}

impl Journal {
    /// Starts a file with these entries.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Data`] naming the file.
    pub(crate) fn start(path: PathBuf, entries: &[Entry]) -> Result<Self> {
        let lines = entries.iter().map(line).collect::<std::io::Result<String>>();
        let lines = lines.map_err(|error| cannot("write", &path, &error))?;
        atomic::write(&path, lines.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| cannot("write", &path, &error))?;
        Ok(Self { path, file, torn: false })
    }

    /// Adds a line. After a failure none is added any more.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Data`] naming the file.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<()> {
        self.whole()?;
        // One write per line: a reader never sees half of one.
        let written = line(entry).and_then(|line| self.file.write_all(line.as_bytes()));
        self.torn = written.is_err();
        written.map_err(|error| cannot("write", &self.path, &error))
    }

    /// A handle to [wait](Self::sync) for the disk with.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Data`] naming the file, also where a line could not be added.
    pub(crate) fn handle(&self) -> Result<Self> {
        self.whole()?;
        let file = self.file.try_clone().map_err(|error| cannot("write", &self.path, &error))?;
        Ok(Self { path: self.path.clone(), file, torn: false })
    }

    /// Waits until the disk has all lines so far.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Data`] naming the file.
    pub(crate) fn sync(&self) -> Result<()> {
        atomic::can_wait(self.file.sync_data()).map_err(|error| cannot("write", &self.path, &error))
    }

    fn whole(&self) -> Result<()> {
        let torn = || cannot("write", &self.path, &Error::other("a line before could not be written"));
        if self.torn { Err(torn()) } else { Ok(()) }
    }
}

/// What a file says up to a step of the training. What comes after it, and the half line of a program that was
/// killed, are left out.
///
/// # Errors
///
/// [`crate::Error::Data`] naming the file.
pub(crate) fn read(path: &Path, step: u32) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let read = bounded::lines(path, MOST, |line| {
        let entry = serde_json::from_str::<Entry>(line).ok();
        let is_one = entry.is_some();
        entries.extend(entry.filter(|entry| entry.step() <= step));
        is_one
    });
    read.map_err(|error| cannot("read", path, &error))?;
    Ok(entries)
}

/// The epochs among these lines.
#[cfg(feature = "plots")]
pub(crate) fn epochs(entries: Vec<Entry>) -> Vec<EpochRecord> {
    let epoch = |entry| match entry {
        Entry::Epoch(record) => Some(record),
        Entry::Step(_) => None,
    };
    entries.into_iter().filter_map(epoch).collect()
}

fn line(entry: &Entry) -> std::io::Result<String> {
    Ok(format!("{}\n", serde_json::to_string(entry)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{HeadMetrics, Metrics};

    fn epoch(epoch: u32) -> Entry {
        let metrics = |images, correct| {
            Metrics::new(images, vec![HeadMetrics { head: "digit".into(), loss: 0.1 + 0.2, correct }])
        };
        let test = (epoch == 2).then(|| metrics(5, 2));
        let (train, step) = (metrics(10, 3), 10 * epoch);
        Entry::Epoch(EpochRecord {
            epoch,
            step,
            learning_rate: 1e-3,
            train,
            seconds: 0.1,
            test,
            ..EpochRecord::default()
        })
    }

    fn step(step: u32) -> Entry {
        Entry::Step(StepRecord { step, learning_rate: 1e-3, loss: 1.0 / 3.0, images_per_second: 1e4 })
    }

    #[test]
    fn lines_are_there_at_once_and_come_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut journal = Journal::start(path.clone(), &[]).unwrap();
        let entries = [step(5), epoch(1), step(15), epoch(2)];
        for (count, entry) in (1..).zip(&entries) {
            journal.append(entry).unwrap();
            assert_eq!(read(&path, 100).unwrap(), entries[..count]);
        }
        assert_eq!(read(&path, 14).unwrap(), entries[..2]);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with(r#"{"kind":"step","step":5,"#));
    }

    #[test]
    fn half_a_line_is_left_out_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut journal = Journal::start(path.clone(), &[epoch(1)]).unwrap();
        journal.append(&epoch(2)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        assert_eq!(read(&path, 100).unwrap(), [epoch(1)]);
        let mut journal = Journal::start(path.clone(), &read(&path, 100).unwrap()).unwrap();
        journal.append(&epoch(2)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_follows_a_line_that_may_be_torn() {
        let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut journal = Journal { path: "metrics.jsonl".into(), file, torn: false };
        assert!(journal.handle().is_ok());
        assert!(journal.append(&step(5)).unwrap_err().to_string().contains("No space left"));
        journal.file = tempfile::tempfile().unwrap();
        for error in [journal.append(&step(10)).unwrap_err(), journal.handle().unwrap_err()] {
            assert!(error.to_string().contains("metrics.jsonl: a line before"), "{error}");
        }
    }
}
