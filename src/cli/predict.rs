//! `digit-adder predict`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::options::{self, AdapterOptions, PlanOptions};
use super::{model_path, pictures};
use crate::data::picture::{self, Prepared, Style};
use crate::data::{Addend, Image};
use crate::engine::{self, Purpose};
use crate::escape::Shown;
use crate::network::{Network, Sizes};
use crate::report::console;
use crate::train::model_file::{self, Model};
use crate::train::{Engine, HeadPrediction, Prediction, Recipe, doubts};
use crate::{Error, Result, atomic};

/// Flags of `predict`.
#[derive(Debug, Args)]
#[command(override_usage = "digit-adder predict [OPTIONS] --number <0-9> [MODEL] <PICTURE>...")]
pub(super) struct Predict {
    /// Pictures of one digit each (PNG, JPEG, BMP, GIF, WebP, TIFF or PNM), folders of them, or - for
    /// the standard input. The first is the MODEL, trained weights, if it is a run's folder, a file of weights or
    /// a name that ends with .safetensors, .pt or .pth; else the weights are those that ship with the program
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Trained weights: a run's folder, or a file; all other arguments are pictures then
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// The number to add
    #[arg(long, value_name = "0-9", value_parser = options::addend)]
    number: Addend,
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    plan: PlanOptions,
    /// Show each picture as the network sees it, and what was done to it
    #[arg(long)]
    show: bool,
    /// Write the picture as the network sees it to a PNG; for one picture only
    #[arg(long, value_name = "FILE")]
    save_prepared: Option<PathBuf>,
    /// Exit with code 6 if there is a warning about any answer
    #[arg(long)]
    strict: bool,
    /// Print one JSON object per picture, each on a line of its own
    #[arg(long)]
    json: bool,
}

/// A line of `--json`: for each head, the likeliest class under its name, and all probabilities.
#[derive(Serialize)]
struct Report<'a> {
    image: &'a Path,
    number: u8,
    #[serde(flatten)]
    heads: Map<String, Value>,
    warnings: &'a [String],
}

/// A line of `--json` for a picture that cannot be read.
#[derive(Serialize)]
struct Unread<'a> {
    image: &'a Path,
    error: String,
}

impl Predict {
    pub(super) fn run(mut self) -> anyhow::Result<()> {
        self.take_model()?;
        let network = Sizes::default().network()?;
        let model = model_path::load(self.model.as_deref(), &network)?;
        let paths = pictures::listed(&self.pictures, &mut console::say)?;
        let (all, alone) = (paths.len(), paths.len() == 1);
        if self.save_prepared.is_some() && !alone {
            return Err(
                Error::Usage(format!("--save-prepared takes one picture, but there are {all}")).into()
            );
        }
        let mut engine = self.engine(&network, model)?;
        let (mut unread, mut doubtful) = (0, 0);
        for path in &paths {
            match pictures::read(path) {
                Ok(picture) => {
                    let prediction = self.predict(engine.as_mut(), &picture)?;
                    let mut warnings = picture.warnings;
                    warnings.extend(doubts(&network, &prediction, self.number));
                    doubtful += usize::from(!warnings.is_empty());
                    self.print(path, &prediction, &warnings, alone)?;
                }
                Err(error) => {
                    if self.json {
                        console::print(&serde_json::to_string(&Unread {
                            image: path,
                            error: error.to_string(),
                        })?)?;
                    }
                    if alone {
                        return Err(error.into());
                    }
                    console::say(&format!("error: {error}"));
                    unread += 1;
                }
            }
        }
        match (unread, doubtful) {
            (1.., _) => Err(Error::Data(format!("{unread} of {all} pictures could not be read")).into()),
            (0, 1..) if self.strict => {
                Err(Error::Doubt(format!("doubtful answers: {doubtful} of {all} (--strict)")).into())
            }
            _ => Ok(()),
        }
    }

    /// Takes the first argument for the weights if that is what it is. One that is not there may have been meant
    /// for weights: nothing is answered with others.
    fn take_model(&mut self) -> Result<()> {
        let [first, others @ ..] = &self.pictures[..] else { return Ok(()) };
        if self.model.is_some() {
            return Ok(());
        }
        let name = first.shown();
        if model_path::is_weights(first) {
            if others.is_empty() {
                return Err(Error::Usage(format!(
                    "{name} is taken for weights, so a picture is missing: digit-adder predict {name} PICTURE \
                     --number {}",
                    self.number.number()
                )));
            }
            self.model = Some(self.pictures.remove(0));
        } else if !others.is_empty() && !pictures::is_there(first) {
            return Err(Error::Data(format!("{name}: there is no such file, be it weights or a picture")));
        }
        Ok(())
    }

    /// The network with its weights, on the adapter that was asked for or one that is named to the user.
    fn engine(&self, network: &Network, model: Model) -> Result<Box<dyn Engine>> {
        let choice = self.adapter.choice(self.plan.purpose(Purpose::Few));
        let opened = engine::open(&choice, &mut console::say)?;
        if !choice.is_met_by(&opened.adapter) {
            console::say(&format!("adapter: {}", opened.adapter));
        }
        let trained = model.about.map(|about| about.recipe).unwrap_or_default();
        let recipe = Recipe { batch_size: 1, ..options::to_run(&trained, self.plan.plan(), network) };
        opened.engine(network.clone(), &recipe, model.parameters, Arc::default(), None)
    }

    /// Shows and keeps a picture as the flags say, and predicts from it.
    fn predict(&self, engine: &mut dyn Engine, picture: &Prepared) -> Result<Prediction> {
        if self.show {
            for step in &picture.steps {
                console::say(&format!("{}: {}", step.name, step.note));
            }
            console::say(picture::drawing(&picture.pixels, Style::Blocks).trim_end_matches('\n'));
        }
        if let Some(file) = &self.save_prepared {
            atomic::write_named(file, &picture::png(&picture.pixels)?)?;
        }
        let prediction = engine.predict(&Image::new(&picture.pixels)?, self.number)?;
        if !prediction.heads.iter().flat_map(|head| &head.probabilities).all(|p| p.is_finite()) {
            return Err(model_file::not_finite(model_path::name(self.model.as_deref())));
        }
        Ok(prediction)
    }

    /// Prints an answer: whole where the picture is alone, else on a line of its own.
    fn print(
        &self,
        path: &Path,
        prediction: &Prediction,
        warnings: &[String],
        alone: bool,
    ) -> anyhow::Result<()> {
        for warning in warnings {
            console::say(&match alone {
                true => format!("warning: {warning}"),
                false => format!("warning: {}: {warning}", path.shown()),
            });
        }
        if self.json {
            let number = self.number.number();
            let report = Report { image: path, number, heads: as_json(prediction), warnings };
            return Ok(console::print(&serde_json::to_string(&report)?)?);
        }
        let answers = prediction.heads.iter().map(answer).collect::<Vec<_>>().join("  ");
        if !alone {
            return Ok(console::print(&format!("{}: {answers}", path.shown()))?);
        }
        console::print(&answers)?;
        for head in &prediction.heads {
            console::print(&format!("{}: {}", head.head, by_class(&head.probabilities)))?;
        }
        Ok(())
    }
}

fn as_json(prediction: &Prediction) -> Map<String, Value> {
    let both = |head: &HeadPrediction| {
        let probabilities = format!("{}_probabilities", head.head);
        [(head.head.clone(), json!(head.likeliest())), (probabilities, json!(head.probabilities))]
    };
    prediction.heads.iter().flat_map(both).collect()
}

/// `digit 7 (99.12 %)`
fn answer(head: &HeadPrediction) -> String {
    let class = head.likeliest();
    format!("{} {class} ({:.2} %)", head.head, 100.0 * head.probabilities.get(class).unwrap_or(&0.0))
}

/// `0: 0.01 %, 1: 99.90 %`
fn by_class(probabilities: &[f32]) -> String {
    let class = |(class, p): (usize, &f32)| format!("{class}: {:.2} %", 100.0 * p);
    probabilities.iter().enumerate().map(class).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_probabilities_are_listed_by_class() {
        let head = HeadPrediction { head: "digit".into(), probabilities: vec![0.001, 0.999] };
        assert_eq!(answer(&head), "digit 1 (99.90 %)");
        assert_eq!(by_class(&head.probabilities), "0: 0.10 %, 1: 99.90 %");
    }
}
