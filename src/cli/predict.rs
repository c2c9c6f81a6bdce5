//! `digit-adder predict`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::options::{self, AdapterOptions, PlanOptions};
use crate::data::{Addend, Dataset, Image, Split, picture};
use crate::engine;
use crate::network::Sizes;
use crate::report::console;
use crate::train::{HeadPrediction, Prediction, Recipe, model_file};

/// Flags of `predict`.
#[derive(Debug, Args)]
pub(super) struct Predict {
    /// Trained weights, a `model.safetensors`
    model: PathBuf,
    /// A PNG that shows one digit: dark on light or light on dark, of any size
    image: PathBuf,
    /// The number to add
    #[arg(long, value_name = "0-9", value_parser = options::addend)]
    number: Addend,
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    plan: PlanOptions,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints: for each head, the likeliest class under its name, and all probabilities.
#[derive(Serialize)]
struct Report<'a> {
    image: &'a PathBuf,
    number: u8,
    #[serde(flatten)]
    heads: Map<String, Value>,
}

impl Predict {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let network = Sizes::default().network()?;
        let model = model_file::load(&self.model, &network)?;
        let picture = picture::read(&self.image)?;
        for note in &picture.notes {
            console::say(&format!("note: {note}"));
        }
        let opened = engine::open(&self.adapter.choice(), &mut console::say)?;
        let (train, test) = (Split::default(), Split::default());
        let dataset = Arc::new(Dataset { origin: "none".into(), train, test });
        let trained = model.about.map(|about| about.recipe).unwrap_or_default();
        let recipe = Recipe { batch_size: 1, plan: options::fitting(self.plan.plan, &network), ..trained };
        let mut engine = opened.engine(network, &recipe, model.parameters, dataset, None)?;
        let prediction = engine.predict(&Image::new(&picture.pixels)?, self.number)?;
        if !prediction.heads.iter().flat_map(|head| &head.probabilities).all(|p| p.is_finite()) {
            return Err(model_file::not_finite(&self.model).into());
        }
        if self.json {
            let number = self.number.number();
            let report = Report { image: &self.image, number, heads: as_json(&prediction) };
            return Ok(console::print(&serde_json::to_string_pretty(&report)?)?);
        }
        let answers: Vec<String> = prediction.heads.iter().map(answer).collect();
        console::print(&answers.join("  "))?;
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
