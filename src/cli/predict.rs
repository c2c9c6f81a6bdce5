//! `digit-adder predict`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::options::{self, AdapterOptions};
use crate::data::{Dataset, Split};
use crate::network::Sizes;
use crate::report::console;
use crate::train::Settings;
use crate::{engine, model_file, picture};

/// Flags of `predict`.
#[derive(Debug, Args)]
pub struct Predict {
    /// Trained weights, a `model.safetensors`
    model: PathBuf,
    /// A PNG that shows one digit: dark on light or light on dark, of any size
    image: PathBuf,
    /// The number to add
    #[arg(long, value_name = "0-9", value_parser = options::addend)]
    number: u8,
    #[command(flatten)]
    adapter: AdapterOptions,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    image: PathBuf,
    number: u8,
    digit: usize,
    sum: usize,
    digit_probabilities: Vec<f32>,
    sum_probabilities: Vec<f32>,
}

impl Predict {
    pub fn run(self) -> anyhow::Result<()> {
        let sizes = Sizes::default();
        let model = model_file::load(&self.model, &sizes)?;
        let picture = picture::read(&self.image)?;
        for note in &picture.notes {
            console::say(&format!("note: {note}"));
        }
        let opened = engine::open(&self.adapter.choice(), &mut console::say)?;
        let nothing = Split { images: Vec::new(), labels: Vec::new() };
        let dataset = Dataset { origin: "none".into(), train: nothing.clone(), test: nothing };
        let loss = model.about.map(|about| about.loss).unwrap_or_default();
        let settings = Settings { batch: 1, loss, plan: self.adapter.plan() };
        let mut engine = opened.engine(sizes, settings, model.parameters, Arc::new(dataset), None)?;
        let prediction = engine.predict(&picture.pixels, self.number)?;
        if !prediction.digit.iter().chain(&prediction.sum).all(|probability| probability.is_finite()) {
            return Err(model_file::not_finite(&self.model).into());
        }

        let (digit, sum) = (likeliest(&prediction.digit), likeliest(&prediction.sum));
        if self.json {
            let report = Report {
                image: self.image,
                number: self.number,
                digit,
                sum,
                digit_probabilities: prediction.digit,
                sum_probabilities: prediction.sum,
            };
            return Ok(console::print(&serde_json::to_string_pretty(&report)?)?);
        }
        let percent = |probabilities: &[f32], class: usize| 100.0 * probabilities.get(class).unwrap_or(&0.0);
        console::print(&format!(
            "digit {digit} ({:.2} %)  sum {sum} ({:.2} %)",
            percent(&prediction.digit, digit),
            percent(&prediction.sum, sum),
        ))?;
        console::print(&format!("digits: {}", by_class(&prediction.digit)))?;
        Ok(console::print(&format!("sums: {}", by_class(&prediction.sum)))?)
    }
}

/// The first class of the highest probability.
fn likeliest(probabilities: &[f32]) -> usize {
    let better =
        |best: usize, class: usize| if probabilities[class] > probabilities[best] { class } else { best };
    (0..probabilities.len()).fold(0, better)
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
    fn the_first_of_equals_wins() {
        assert_eq!(likeliest(&[0.1, 0.4, 0.4, 0.1]), 1);
        assert_eq!(likeliest(&[0.9, 0.1]), 0);
        assert_eq!(likeliest(&[]), 0);
    }

    #[test]
    fn probabilities_are_listed_by_class() {
        assert_eq!(by_class(&[0.001, 0.999]), "0: 0.10 %, 1: 99.90 %");
    }
}
