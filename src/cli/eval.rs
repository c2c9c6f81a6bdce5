//! `digit-adder eval`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::model_path;
use super::options::{self, AdapterOptions, DataOptions, PlanOptions};
use crate::data::{Addend, Addends, Dataset, HeldOut, held_out_addends};
use crate::engine::{self, Adapter, Purpose};
use crate::escape::Shown;
use crate::network::{DIGITS, Sizes};
use crate::report::accuracy::TestReport;
use crate::report::by_addend::ByAddend;
use crate::report::console;
use crate::train::model_file::{self, Model};
use crate::train::{Engine, Metrics, Recipe};
use crate::{Error, Result};

/// Flags of `eval`.
#[derive(Debug, Args)]
pub(super) struct Eval {
    /// Trained weights: a run's folder, or a file [default: those that ship with the program]
    model: Option<PathBuf>,
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    plan: PlanOptions,
    #[command(flatten)]
    data: DataOptions,
    /// Add this number to every digit, instead of random ones
    #[arg(long, value_name = "0-9", value_parser = options::addend)]
    addend: Option<Addend>,
    /// Test with each number from 0 to 9 added to every digit, and tell the mean: chance draws nothing
    #[arg(long, conflicts_with_all = ["addend", "seed"])]
    all_addends: bool,
    /// Draw the random addends from this seed [default: the one used in training]
    #[arg(long, value_name = "N", conflicts_with = "addend")]
    seed: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// Null for those that ship with the program.
    model: Option<&'a PathBuf>,
    parameters_sha256: String,
    adapter: Adapter,
    dataset: &'a str,
    addend: Option<u8>,
    seed: Option<u64>,
    #[serde(flatten)]
    test: Tested,
}

/// What a test found.
#[derive(Serialize)]
#[serde(untagged)]
enum Tested {
    Once(TestReport),
    ByAddend(ByAddend),
}

impl Eval {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let network = Sizes::default().network()?;
        let model = model_path::load(self.model.as_deref(), &network)?;
        let opened =
            engine::open(&self.adapter.choice(self.plan.purpose(Purpose::Speed)), &mut console::say)?;
        console::say(&format!("adapter: {}", opened.adapter));
        let dataset = Arc::new(self.data.load(None, None)?);
        console::say(&format!("data: {}, {} test images", dataset.origin, dataset.test.len()));
        let trained = trained_with(&model, &dataset);
        let seed = self.seed.unwrap_or(trained.seed);
        let adapter = opened.adapter.clone();
        let recipe = options::to_run(&trained, self.plan.plan(), &network);
        let parameters = model.parameters.clone();
        let mut engine = opened.engine(network.clone(), &recipe, parameters, dataset.clone(), None)?;
        let images = dataset.test.len();
        let (test, told) = self.test(engine.as_mut(), seed, images)?;
        if self.json {
            let report = Report {
                model: self.model.as_ref(),
                parameters_sha256: model_file::parameters_sha256(&model.parameters, &network),
                adapter,
                dataset: &dataset.origin,
                addend: self.addend.map(Addend::number),
                seed: (self.addend.is_none() && !self.all_addends).then_some(seed),
                test,
            };
            return Ok(console::print(&serde_json::to_string_pretty(&report)?)?);
        }
        console::say(&match self.addend {
            Some(addend) => format!("addend {} throughout", addend.number()),
            None if self.all_addends => format!("each addend with all {images} images"),
            None => format!("random addends of seed {seed}"),
        });
        Ok(console::print(&told)?)
    }

    /// Runs the tests that are wanted, and tells their results in lines.
    fn test(&self, engine: &mut dyn Engine, seed: u64, images: usize) -> Result<(Tested, String)> {
        if self.all_addends {
            let test = |number| {
                let addends = Addends::all(Addend::new(number)?, images);
                Ok((number, self.test_with(engine, &addends)?))
            };
            let tests = ByAddend::new(&(0..DIGITS as u8).map(test).collect::<Result<Vec<_>>>()?);
            let table = tests.table.clone();
            return Ok((Tested::ByAddend(tests), table));
        }
        let addends = match self.addend {
            Some(addend) => Addends::all(addend, images),
            None => held_out_addends(seed, HeldOut::Test, images),
        };
        let metrics = self.test_with(engine, &addends)?;
        Ok((Tested::Once(TestReport::from(&metrics)), console::test_line(&metrics)))
    }

    fn test_with(&self, engine: &mut dyn Engine, addends: &Addends) -> Result<Metrics> {
        engine.evaluate(HeldOut::Test, addends).map_err(|error| match error {
            Error::Diverged(_) => model_file::not_finite(model_path::name(self.model.as_deref())),
            other => other,
        })
    }
}

/// The recipe that the weights were trained with, as far as their file says; reports if they were trained on
/// other data.
fn trained_with(model: &Model, dataset: &Dataset) -> Recipe {
    let Some(about) = &model.about else { return Recipe::default() };
    if about.test_sha256.as_ref().is_some_and(|trained| *trained != dataset.test.sha256()) {
        console::say(&format!("note: the model was trained on other data: {}", about.dataset.shown()));
    }
    about.recipe.clone()
}
