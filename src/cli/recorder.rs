//! What `train` prints, logs and saves during training.

use std::time::{Duration, Instant};

use crate::Result;
use crate::network::Network;
use crate::report::console::{self, EpochBar};
use crate::report::run_folder::RunFolder;
use crate::train::model_file::{self, About};
use crate::train::run::{EpochRecord, Watcher};

/// Weights reach the disk this often, and at the end: a fast epoch does not wait for the disk,
/// and a run that is cut short loses no more than this.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Prints, logs and saves during training.
pub(super) struct Recorder {
    /// Where everything goes.
    pub folder: RunFolder,
    /// Of the last good epoch; empty before the first.
    pub parameters: Vec<f32>,
    network: Network,
    about: About,
    bar: EpochBar,
    records: Vec<EpochRecord>,
    saved: Instant,
}

impl Recorder {
    pub(super) fn new(folder: RunFolder, network: Network, about: About, bar: EpochBar) -> Self {
        let (parameters, records) = (Vec::new(), Vec::new());
        Self { folder, parameters, network, about, bar, records, saved: Instant::now() }
    }

    /// Saves and draws what there is, even after a run that failed.
    pub(super) fn finish(&mut self, title: &str) -> Result<()> {
        self.bar.clear();
        if !self.parameters.is_empty() {
            self.save()?;
        }
        self.folder.write_plot(&self.records, title)
    }

    fn save(&mut self) -> Result<()> {
        self.saved = Instant::now();
        model_file::save(&self.folder.model(), &self.network, &self.parameters, &self.about)
    }

    /// What is left of a run that stopped early.
    pub(super) fn what_is_kept(&self) -> String {
        let folder = self.folder.path().display();
        match self.about.trained_epochs {
            None | Some(0) => format!("the training stopped in its first epoch: {folder} holds no weights"),
            Some(n) => format!("the training stopped early: the weights of epoch {n} are kept in {folder}"),
        }
    }
}

impl Watcher for Recorder {
    fn progress(&mut self, epoch: u32, images: usize) {
        self.bar.show(epoch, images);
    }

    fn epoch(&mut self, record: &EpochRecord, parameters: Vec<f32>) -> Result<()> {
        self.parameters = parameters;
        self.about.trained_epochs = Some(record.epoch);
        self.records.push(record.clone());
        self.folder.append(record)?;
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save()?;
        }
        self.bar.clear();
        console::print(&console::epoch_line(&self.network, record))
    }
}
