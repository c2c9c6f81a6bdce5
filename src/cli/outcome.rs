//! What came of a training: its test, its summary, its plots, and what is odd about them.

use serde::Serialize;

use crate::data::{Dataset, HeldOut, held_out_addends};
use crate::escape::Shown;
use crate::network::Network;
use crate::report::accuracy::TestReport;
use crate::report::run_folder::RunFolder;
use crate::report::{console, verdict};
#[cfg(feature = "plots")]
use crate::report::{plots, run_folder::journal};
use crate::train::model_file::{self, parameters_sha256};
use crate::train::run::{self, End, History};
use crate::train::{Checkpoint, Confusion, Engine, Metrics, Mistake, Recipe, State};
use crate::{Error, Result, atomic};

/// A training that has ended.
pub(super) struct Outcome<'a> {
    pub network: &'a Network,
    pub dataset: &'a Dataset,
    pub recipe: &'a Recipe,
    pub history: History,
    pub folder: &'a RunFolder,
    pub json: bool,
}

/// `summary.json`.
#[derive(Serialize)]
struct Summary {
    ended: End,
    steps: u32,
    best: Option<Best>,
    /// The file of the weights that were tested.
    weights: Option<&'static str>,
    test: Option<TestReport>,
    /// That of the last weights as they are, where those that were tested are averaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_of_raw_weights: Option<TestReport>,
    parameters_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_sha256: Option<String>,
    /// Of Adam's first and second moments.
    moments_sha256: [String; 2],
}

/// The best epoch, and its loss on the images that it was chosen by.
#[derive(Serialize)]
struct Best {
    epoch: u32,
    loss: f64,
}

/// How often the test took each class for each, for each head.
pub(super) const CONFUSIONS: &str = "confusions.json";
/// The images that the test got wrong, one a line.
pub(super) const MISTAKES: &str = "mistakes.jsonl";

/// What a test found.
pub(super) struct Tested {
    weights: &'static str,
    metrics: Metrics,
    /// What the last weights as they are are worth, where those that were tested are averaged.
    raw: Option<Metrics>,
    confusions: Vec<Confusion>,
    mistakes: Vec<Mistake>,
}

impl Tested {
    /// Keeps what the plots of the test are drawn from.
    fn keep(&self, folder: &RunFolder) -> Result<()> {
        let cannot =
            |error: serde_json::Error| Error::Data(format!("cannot write the test's results: {error}"));
        let confusions = serde_json::to_string(&self.confusions).map_err(cannot)?;
        let lines = self.mistakes.iter().map(|mistake| Ok(serde_json::to_string(mistake)? + "\n"));
        let mistakes = lines.collect::<serde_json::Result<String>>().map_err(cannot)?;
        atomic::write(&folder.path().join(CONFUSIONS), confusions.as_bytes())?;
        atomic::write(&folder.path().join(MISTAKES), mistakes.as_bytes())
    }
}

impl Outcome<'_> {
    /// Runs the test set, and keeps, prints and draws the result.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] where the weights give no finite numbers; errors of the engine; [`Error::Data`] where
    /// the summary cannot be written.
    pub(super) fn test(&self, engine: &mut dyn Engine, end: End, last: &Checkpoint) -> Result<Metrics> {
        let (weights, epoch) = match self.history.best {
            Some((epoch, _)) if !self.dataset.validation.is_empty() => ("best.safetensors", epoch),
            _ if last.state.average.is_some() => ("averaged.safetensors", last.place.epoch - 1),
            _ => ("last.safetensors", last.place.epoch - 1),
        };
        let images = self.dataset.test.len();
        // The engine still has the last weights.
        let raw = match last.state.average {
            Some(_) => {
                let epoch = last.place.epoch - 1;
                Some(run::evaluate_after(engine, self.recipe, epoch, HeldOut::Test, images)?)
            }
            None => None,
        };
        if weights != "last.safetensors" {
            let file = self.folder.path().join(weights);
            engine.set_state(&State::new(model_file::load(&file, self.network)?.parameters))?;
        }
        let metrics = run::evaluate_after(engine, self.recipe, epoch, HeldOut::Test, images)?;
        let addends = held_out_addends(self.recipe.seed, HeldOut::Test, images);
        let answers = engine.answers(HeldOut::Test, &addends)?;
        let confusions = answers.confusions(self.network, &self.dataset.test, &addends);
        let mistakes = answers.mistakes(self.network, &self.dataset.test, &addends);
        let tested = Tested { weights, metrics, raw, confusions, mistakes };
        // Both are tried: one may lack a disk that the other has.
        let printed = self.print(&tested, last);
        self.summarise(end, &last.state, Some(&tested))?;
        printed?;
        if end == End::OutOfPatience {
            console::say(&format!("stopped early: no better than epoch {epoch} since then (--patience)"));
        }
        if weights == "best.safetensors" {
            let averaged = if tested.raw.is_some() { "averaged " } else { "" };
            console::say(&format!(
                "tested: the {averaged}weights of epoch {epoch}, the best on the held-out images"
            ));
        }
        for warning in verdict::warnings(&tested.confusions, &self.history, self.recipe) {
            console::say(&format!("warning: {warning}"));
        }
        console::say(&format!("saved to {}", self.folder.path().shown()));
        self.draw(Some(&tested.metrics), Some(&tested));
        Ok(tested.metrics)
    }

    /// Prints a test's result, unless the summary is printed.
    fn print(&self, tested: &Tested, last: &Checkpoint) -> Result<()> {
        if self.json {
            return Ok(());
        }
        console::print(&console::test_line(&tested.metrics))?;
        if let Some(raw) = &tested.raw {
            console::print(&format!("last weights, not averaged: {}", console::test_line(raw)))?;
        }
        console::print(&format!("parameters sha256 {}", self.sha256(&last.state.parameters)))
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(super) fn summarise(&self, ended: End, state: &State, tested: Option<&Tested>) -> Result<()> {
        let summary = Summary {
            ended,
            steps: state.step,
            best: self.history.best.map(|(epoch, loss)| Best { epoch, loss }),
            weights: tested.map(|tested| tested.weights),
            test: tested.map(|tested| TestReport::from(&tested.metrics)),
            test_of_raw_weights: tested.and_then(|tested| tested.raw.as_ref()).map(TestReport::from),
            parameters_sha256: self.sha256(&state.parameters),
            average_sha256: state.average.as_ref().map(|average| self.sha256(average)),
            moments_sha256: [&state.first_moments, &state.second_moments].map(|flat| self.sha256(flat)),
        };
        let written = self.folder.write_json("summary.json", &summary);
        let printed = if self.json { console::print_json(&summary) } else { Ok(()) };
        written.and(printed)
    }

    /// Draws the plots, and keeps what those of the test are drawn from. The result is kept already, so a failure
    /// is told and no more.
    pub(super) fn draw(&self, test: Option<&Metrics>, tested: Option<&Tested>) {
        let kept = tested.map_or(Ok(()), |tested| tested.keep(self.folder));
        let drawn = self.plot(test, tested);
        if let Err(error) = kept.and(drawn) {
            console::say(&format!("warning: the plots are not all there: {error}"));
        }
    }

    #[cfg(feature = "plots")]
    fn plot(&self, test: Option<&Metrics>, tested: Option<&Tested>) -> Result<()> {
        let entries = journal::read(&self.folder.metrics(), u32::MAX)?;
        let plots = plots::Plots {
            title: &crate::report::summary::title(self.recipe, &self.dataset.origin),
            records: &journal::epochs(entries),
            test,
            confusions: tested.map_or(&[], |tested| &tested.confusions),
            mistakes: tested.map(|tested| (&tested.mistakes[..], &self.dataset.test)),
        };
        plots.write(self.folder)
    }

    #[cfg(not(feature = "plots"))]
    fn plot(&self, _test: Option<&Metrics>, _tested: Option<&Tested>) -> Result<()> {
        Err(Error::Usage("this build draws none, it lacks the feature `plots`".into()))
    }

    fn sha256(&self, flat: &[f32]) -> String {
        parameters_sha256(flat, self.network)
    }
}
