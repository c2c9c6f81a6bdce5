//! The plots of a run's folder, and what those of the test are drawn from.

use std::path::Path;

use super::plot::{Drawing, confusion, curves, gallery};
use super::run_folder::RunFolder;
use crate::data::Split;
use crate::train::run::EpochRecord;
use crate::train::{Confusion, Metrics, Mistake};
use crate::{Result, atomic};

/// What is drawn.
pub(crate) struct Plots<'a> {
    /// Of every figure.
    pub title: &'a str,
    /// The curves. No epochs, no curves.
    pub records: &'a [EpochRecord],
    /// The final test.
    pub test: Option<&'a Metrics>,
    /// How the final test took each class for each.
    pub confusions: &'a [Confusion],
    /// What the final test got wrong, and its images.
    pub mistakes: Option<(&'a [Mistake], &'a Split)>,
}

impl Plots<'_> {
    /// Draws them all into a run's folder.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Data`] naming the file.
    pub(crate) fn write(&self, run: &RunFolder) -> Result<()> {
        let Self { title, records, test, confusions, mistakes } = *self;
        let folder = run.plots();
        if !records.is_empty() {
            save(&folder, "loss", &curves::loss(records, test, title))?;
            save(&folder, "accuracy", &curves::accuracy(records, test, title))?;
            save(&folder, "learning_rate", &curves::learning_rate(records, title))?;
        }
        for confusion in confusions {
            let name = format!("confusion_{}", confusion.head);
            save(&folder, &name, &confusion::draw(confusion, title))?;
        }
        if let Some((mistakes, images)) = mistakes {
            save(&folder, "mistakes", &gallery::draw(mistakes, images, title))?;
        }
        Ok(())
    }
}

/// Writes a figure as SVG and as PNG.
///
/// # Errors
///
/// [`crate::Error::Data`] naming the file.
pub(crate) fn save(folder: &Path, name: &str, drawing: &Drawing) -> Result<()> {
    atomic::write(&folder.join(format!("{name}.svg")), drawing.svg().as_bytes())?;
    atomic::write(&folder.join(format!("{name}.png")), &drawing.png()?)
}
