//! `digit-adder eval`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::options::{self, AdapterOptions, DataOptions};
use crate::Error;
use crate::engine::{self, Adapter};
use crate::model_file;
use crate::network::Sizes;
use crate::report::console::{self, Accuracy};
use crate::train::{Settings, run};

/// Flags of `eval`.
#[derive(Debug, Args)]
pub struct Eval {
    /// Trained weights, a `model.safetensors`
    model: PathBuf,
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    data: DataOptions,
    /// Add this number to every digit, rather than random ones
    #[arg(long, value_name = "0-9", value_parser = options::addend)]
    addend: Option<u8>,
    /// Draw the random addends from this seed [default: the one of the training]
    #[arg(long, value_name = "N", conflicts_with = "addend")]
    seed: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    model: PathBuf,
    parameters_sha256: String,
    adapter: Adapter,
    dataset: String,
    addend: Option<u8>,
    seed: Option<u64>,
    images: usize,
    loss: f64,
    correct_digits: usize,
    correct_sums: usize,
    digit: Accuracy,
    sum: Accuracy,
}

impl Eval {
    pub fn run(self) -> anyhow::Result<()> {
        let sizes = Sizes::default();
        let model = model_file::load(&self.model, &sizes)?;
        let opened = engine::open(&self.adapter.choice(), &mut console::say)?;
        console::say(&format!("adapter: {}", opened.adapter));
        let dataset = Arc::new(self.data.load(None)?);
        let images = dataset.test.labels.len();
        console::say(&format!("data: {}, {images} test images", dataset.origin));
        let (loss, trained_seed) = model.about.as_ref().map_or_else(Default::default, |about| {
            if about.test_sha256.as_ref().is_some_and(|trained| *trained != dataset.test.sha256()) {
                console::say(&format!("note: the model was trained on other data: {}", about.dataset));
            }
            (about.loss, Some(about.seed))
        });
        let seed = self.seed.or(trained_seed).unwrap_or(options::SEED);

        let adapter = opened.adapter.clone();
        let settings = Settings { batch: options::BATCH_SIZE, loss, plan: self.adapter.plan() };
        let mut engine = opened.engine(sizes, settings, model.parameters.clone(), dataset.clone(), None)?;
        let metrics = match self.addend {
            Some(addend) => engine.evaluate(&vec![addend; images]),
            None => run::test(engine.as_mut(), seed, images),
        };
        let metrics = metrics.map_err(|error| match error {
            Error::Diverged(_) => model_file::not_finite(&self.model),
            other => other,
        })?;

        if !self.json {
            console::say(&match self.addend {
                Some(addend) => format!("addend {addend} throughout"),
                None => format!("random addends of seed {seed}"),
            });
            return Ok(console::print(&console::test_line(&metrics))?);
        }
        let report = Report {
            parameters_sha256: model_file::parameters_sha256(&model.parameters, &sizes),
            model: self.model,
            adapter,
            dataset: dataset.origin.clone(),
            addend: self.addend,
            seed: self.addend.is_none().then_some(seed),
            images: metrics.images,
            loss: metrics.loss,
            correct_digits: metrics.digits,
            correct_sums: metrics.sums,
            digit: Accuracy::new(metrics.digits, metrics.images),
            sum: Accuracy::new(metrics.sums, metrics.images),
        };
        Ok(console::print(&serde_json::to_string_pretty(&report)?)?)
    }
}
