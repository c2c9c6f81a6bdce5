//! `digit-adder data preview`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::options::DataOptions;
use crate::data::{Augment, PIXELS, Split};
use crate::escape::Shown;
use crate::network::DIGITS;
use crate::reference::augment::rounded;
use crate::report::console;
use crate::report::plot::sheet::{self, Row};
use crate::report::plots;
use crate::train::Recipe;
use crate::{Error, Result};

/// Epochs whose images are shown.
const EPOCHS: u32 = 9;

/// Flags of `data preview`.
#[derive(Debug, Args)]
pub(super) struct Preview {
    /// How the training images are changed, as --augment of `train` says
    #[arg(long, value_name = "LEVEL", default_value_t = Augment::FULL)]
    augment: Augment,
    /// The seed of the run
    #[arg(long, value_name = "N", default_value_t = Recipe::default().seed)]
    seed: u64,
    #[command(flatten)]
    data: DataOptions,
    /// Folder for preview.svg and preview.png [default: the current one]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Preview {
    pub(super) fn run(self) -> Result<()> {
        let dataset = self.data.load(None, None)?;
        let rows: Vec<Row> =
            first_of_each_digit(&dataset.train).map(|n| self.row(&dataset.train, n)).collect();
        let title = format!("Training images of seed {}, --augment {}", self.seed, self.augment);
        let out = self.out.as_deref().unwrap_or(Path::new("."));
        std::fs::create_dir_all(out)
            .map_err(|error| Error::Data(format!("cannot create {}: {error}", out.shown())))?;
        plots::save(out, "preview", &sheet::draw(&rows, &title))?;
        console::print(&out.join("preview.svg").shown())?;
        console::print(&out.join("preview.png").shown())
    }

    /// An image as it is, and as the first epochs see it.
    fn row(&self, split: &Split, n: usize) -> Row {
        let original = &split.images()[n * PIXELS..][..PIXELS];
        let changed = |epoch| rounded(&self.augment, original, n as u32, Augment::key(self.seed, epoch));
        let images = std::iter::once(original.to_vec()).chain((0..EPOCHS).map(changed)).collect();
        Row { label: format!("image {n}"), images }
    }
}

/// The place of the first image of each digit that there is.
fn first_of_each_digit(split: &Split) -> impl Iterator<Item = usize> {
    (0..DIGITS).filter_map(|digit| split.labels().iter().position(|&label| usize::from(label) == digit))
}
