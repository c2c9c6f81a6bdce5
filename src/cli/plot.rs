//! `digit-adder plot`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::outcome::{CONFUSIONS, MISTAKES};
use super::run_config::RunConfig;
use crate::data::{Dataset, Split};
use crate::escape::Shown;
use crate::report::plot::compare;
use crate::report::plots::{self, Plots};
use crate::report::run_folder::{RunFolder, journal};
use crate::report::{console, summary};
use crate::train::run::EpochRecord;
use crate::train::{Confusion, Metrics, Mistake};
use crate::{Error, Result, bounded};

/// In bytes: ten thousand images take some two million.
const MOST_MISTAKES: u64 = 100_000_000;

/// Flags of `plot`.
#[derive(Debug, Args)]
pub(super) struct Plot {
    /// One run, whose plots are drawn again, or several to compare; 10 at most
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder for the comparison of several runs [default: the current one]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Plot {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match &self.runs[..] {
            [run] if self.out.is_none() => Ok(redraw(&of_file(run)?)?),
            [_] => Err(Error::Usage("--out is for the comparison of several runs".into()).into()),
            runs if runs.len() <= 10 => Ok(self.compare(runs)?),
            runs => {
                Err(Error::Usage(format!("10 runs can be told apart, and {} are too many", runs.len()))
                    .into())
            }
        }
    }

    fn compare(&self, runs: &[PathBuf]) -> Result<()> {
        let mut read = Vec::new();
        for run in runs {
            let folder = of_file(run)?;
            read.push((folder.path().shown(), epochs(&folder)?));
        }
        let named: Vec<(&str, &[EpochRecord])> =
            read.iter().map(|(name, records)| (name.as_str(), &records[..])).collect();
        let out = self.out.as_deref().unwrap_or(Path::new("."));
        std::fs::create_dir_all(out)
            .map_err(|error| Error::Data(format!("cannot create {}: {error}", out.shown())))?;
        plots::save(out, "compare", &compare::draw(&named, ""))?;
        console::print(&out.join("compare.svg").shown())?;
        console::print(&out.join("compare.png").shown())
    }
}

/// A run, by its folder or by a file in it.
fn of_file(run: &Path) -> Result<RunFolder> {
    let inside = run.is_file().then(|| run.parent()).flatten();
    RunFolder::open(run).or_else(|error| match inside {
        Some(folder) if folder.as_os_str().is_empty() => RunFolder::open(Path::new(".")),
        Some(folder) => RunFolder::open(folder),
        None => Err(error),
    })
}

fn epochs(folder: &RunFolder) -> Result<Vec<EpochRecord>> {
    let records = journal::epochs(journal::read(&folder.metrics(), u32::MAX)?);
    match records.is_empty() {
        true => Err(Error::Data(format!("{} has no epoch to draw yet", folder.path().shown()))),
        false => Ok(records),
    }
}

/// Draws all plots of a run again.
fn redraw(folder: &RunFolder) -> Result<()> {
    let config = RunConfig::read(folder)?;
    let records = epochs(folder)?;
    let title = summary::title(&config.recipe, &config.data.origin);
    let Kept { test, confusions, mistakes } = Kept::read(folder)?;
    let images = if mistakes.is_some() { test_images(&config) } else { None };
    let plots = Plots {
        title: &title,
        records: &records,
        test: test.as_ref(),
        confusions: &confusions,
        mistakes: mistakes.as_deref().zip(images.as_ref()),
    };
    plots.write(folder)?;
    console::print(&folder.plots().shown())
}

/// What a run keeps of its test; nothing where there was none.
struct Kept {
    test: Option<Metrics>,
    confusions: Vec<Confusion>,
    mistakes: Option<Vec<Mistake>>,
}

impl Kept {
    fn read(folder: &RunFolder) -> Result<Self> {
        let summary: serde_json::Value = match folder.path().join("summary.json").is_file() {
            true => folder.read_json("summary.json")?,
            false => serde_json::Value::Null,
        };
        let Ok(test) = serde_json::from_value::<Metrics>(summary["test"].clone()) else {
            return Ok(Self { test: None, confusions: Vec::new(), mistakes: None });
        };
        // A disk that was full may have cost them.
        let there = |name: &str| folder.path().join(name).is_file();
        let confusions = if there(CONFUSIONS) { folder.read_json(CONFUSIONS)? } else { Vec::new() };
        let mistakes = there(MISTAKES).then(|| mistakes(&folder.path().join(MISTAKES))).transpose()?;
        Ok(Self { test: Some(test), confusions, mistakes })
    }
}

/// The images that a run's test got wrong.
fn mistakes(path: &Path) -> Result<Vec<Mistake>> {
    let wrong = |what: String| Error::Data(format!("{}: {}", path.shown(), what.shown()));
    let text = bounded::read_text(path, MOST_MISTAKES).map_err(|error| wrong(error.to_string()))?;
    let mistakes = text.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>();
    mistakes.map_err(|error| wrong(error.to_string()))
}

/// The images of a run's test, where they can be found and are the same.
fn test_images(config: &RunConfig) -> Option<Split> {
    let same = |dataset: Dataset| {
        let same = dataset.test.sha256() == config.data.test.sha256;
        same.then_some(dataset.test)
    };
    let found = config.asked.data.load(None, None).ok().and_then(same);
    if found.is_none() {
        console::say("note: the mistakes are not drawn again, as the run's test images are not found");
    }
    found
}
