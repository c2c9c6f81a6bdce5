//! The plots of a run's folder.

use super::plot;
use super::run_folder::RunFolder;
use crate::data::Split;
use crate::train::run::EpochRecord;
use crate::train::{Confusion, Metrics, Mistake};
use crate::{Result, atomic};

/// What is drawn.
pub(crate) struct Plots<'a> {
    pub title: &'a str,
    pub records: &'a [EpochRecord],
    /// The final test.
    pub test: Option<&'a Metrics>,
    pub confusions: &'a [Confusion],
    /// What the final test got wrong, and its images.
    pub mistakes: Option<(&'a [Mistake], &'a Split)>,
}

impl Plots<'_> {
    /// Draws them all into a folder. No epochs, no curves.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Data`] naming the file.
    pub(crate) fn write(&self, run: &RunFolder) -> Result<()> {
        let folder = run.plots();
        if !self.records.is_empty() {
            let plot = plot::draw(self.records, self.title);
            atomic::write(&folder.join("loss.svg"), plot.svg().as_bytes())?;
            atomic::write(&folder.join("loss.png"), &plot.png()?)?;
        }
        Ok(())
    }
}
