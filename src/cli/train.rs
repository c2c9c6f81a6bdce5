//! `digit-adder train`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::options::{self, AdapterOptions, DataOptions};
use super::profile::Profiler;
use super::recorder::Recorder;
use crate::data::Dataset;
use crate::engine::{self, Adapter, Choice, Opened};
use crate::network::{Loss, Network, Sizes};
use crate::report::accuracy::TestReport;
use crate::report::console::{self, EpochBar};
use crate::report::run_folder::{self, RunFolder};
use crate::report::summary;
use crate::train::model_file::{self, About};
use crate::train::{Engine, Recipe, StepLog, run};
use crate::wgsl::watch::Watch;

/// Flags of `train`.
#[derive(Debug, Args)]
pub(super) struct Train {
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    recipe: Recipe,
    /// Folder for weights, log and plots, new or empty [default: runs/<date>_<time>_seed<N>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take the shaders from a folder, not from the program, and swap them in whenever a file changes
    #[arg(long)]
    hot_reload: bool,
    /// The folder that --hot-reload watches
    #[arg(long, value_name = "DIR", default_value = "shaders", requires = "hot_reload")]
    shader_dir: PathBuf,
    /// Try several tile sizes for 20 steps each and use the fastest; they may round differently. Not with
    /// --hot-reload: only the shipped shaders are tried
    #[arg(long, conflicts_with = "hot_reload")]
    tune: bool,
    /// Time the dispatches of a step when the training is done; with a FILE, write what host and
    /// device did as a trace for chrome://tracing or Perfetto
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    profile: Option<Option<PathBuf>>,
}

/// `config.json`: what the run was asked for, and what it chose.
#[derive(Serialize)]
struct Config<'a> {
    program: &'static str,
    version: &'static str,
    started: String,
    adapter: &'a Adapter,
    dataset: &'a str,
    training_images: usize,
    test_images: usize,
    /// By name; none where nothing is cut into tiles.
    tiles: Option<&'static str>,
    /// The folder of the shaders under hot reload; else they are the program's own.
    shaders: Option<&'a Path>,
    #[serde(flatten)]
    recipe: &'a Recipe,
}

/// `result.json`: the outcome.
#[derive(Serialize)]
struct Outcome<'a> {
    epochs: u32,
    test: TestReport,
    parameters_sha256: &'a str,
}

impl Train {
    pub(super) fn run(mut self) -> anyhow::Result<()> {
        if let Some(out) = &self.out {
            run_folder::refuse_used(out)?;
        }
        let watch = self.hot_reload.then(|| Watch::new(&self.shader_dir, console::interject)).transpose()?;
        let network = Sizes::default().network()?;
        self.recipe.plan = options::fitting(self.recipe.plan, &network);
        let mut opened = self.open(&network)?;
        let profiler =
            self.profile.as_ref().map(|trace| Profiler::new(&opened, trace.clone())).transpose()?;
        let dataset = self.data_beside_pipelines(&network, &mut opened)?;
        self.introduce(&network, &dataset, watch.as_ref());
        let start = network.initial_parameters(self.recipe.seed);
        if self.tune {
            opened.tune(&network, &self.recipe, &start, &mut console::say)?;
        }
        let shaders = watch.as_ref().map(|watch| watch.folder().to_path_buf());
        let (adapter, tiles) = (opened.adapter.clone(), opened.tiles(&network, self.recipe.plan));
        let mut engine = opened.engine(network.clone(), &self.recipe, start, dataset.clone(), watch)?;
        if let Some(interval) = self.recipe.log_interval {
            engine.log_steps(StepLog::new(interval, |line| console::interject(&console::step_line(&line))));
        }

        let folder = RunFolder::create(self.out.as_deref(), self.recipe.seed)?;
        let config = Config {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            started: chrono::Local::now().format("%Y-%m-%d %H:%M:%S %:z").to_string(),
            adapter: &adapter,
            dataset: &dataset.origin,
            training_images: dataset.train.len(),
            test_images: dataset.test.len(),
            tiles,
            shaders: shaders.as_deref(),
            recipe: &self.recipe,
        };
        folder.write_json("config.json", &config)?;
        let recorder = self.train(engine.as_mut(), &network, &dataset, folder)?;
        self.test(engine.as_mut(), &network, &dataset, &recorder)?;
        profiler.map_or(Ok(()), |profiler| profiler.finish(engine.as_mut()))?;
        Ok(())
    }

    /// Opens the adapter, and refuses flags that it cannot serve before anything else takes time.
    fn open(&self, network: &Network) -> crate::Result<Opened> {
        let choice = Choice { profile: self.profile.is_some(), ..self.adapter.choice() };
        let opened = engine::open(&choice, &mut console::say)?;
        if self.tune {
            opened.tunable(network, self.recipe.plan)?;
        }
        if self.hot_reload {
            opened.reloadable()?;
        }
        console::say(&format!("adapter: {}", opened.adapter));
        if let Some(advice) = opened.adapter.advice() {
            console::say(&format!("note: {advice}"));
        }
        Ok(opened)
    }

    /// Reads the data and makes the pipelines: most of the time before the first step goes into these two.
    fn data_beside_pipelines(&self, network: &Network, opened: &mut Opened) -> crate::Result<Arc<Dataset>> {
        let others = self.tune || self.hot_reload;
        let prepare = || if others { Ok(()) } else { opened.prepare(network, &self.recipe) };
        let (prepared, dataset) =
            rayon::join(prepare, || self.data.load(self.recipe.val_split, self.recipe.limit));
        prepared?;
        dataset.map(Arc::new)
    }

    /// Prints what is trained, and on what.
    fn introduce(&self, network: &Network, dataset: &Dataset, watch: Option<&Watch>) {
        let Dataset { origin, train, test, .. } = dataset;
        console::say(&format!("data: {origin}, {} training and {} test images", train.len(), test.len()));
        console::say(&format!("\n{}\n", summary::network(network, self.recipe.batch_size)));
        console::say(&format!("{}, {}", self.title(origin), self.details()));
        if let Some(watch) = watch {
            console::say(&format!("hot reload: the shaders come from {}", watch.folder().display()));
        }
    }

    /// Trains for all epochs, and keeps what there is even if that fails.
    fn train(
        &self,
        engine: &mut dyn Engine,
        network: &Network,
        dataset: &Dataset,
        folder: RunFolder,
    ) -> crate::Result<Recorder> {
        let images = [dataset.train.len(), dataset.test.len()];
        let about = About {
            version: env!("CARGO_PKG_VERSION").into(),
            recipe: self.recipe.clone(),
            trained_epochs: Some(0),
            dataset: dataset.origin.clone(),
            test_sha256: Some(dataset.test.sha256()),
        };
        let bar = EpochBar::new(self.recipe.epochs, images[0]);
        let mut recorder = Recorder::new(folder, network.clone(), about, bar);
        let trained = run::train(engine, &self.recipe, images, &mut recorder);
        let finished = recorder.finish(&self.title(&dataset.origin));
        if trained.is_err() {
            console::say(&match &finished {
                Ok(()) => recorder.what_is_kept(),
                Err(error) => {
                    format!("the training stopped early, and saving what there is failed: {error}")
                }
            });
        }
        trained.and(finished).map(|()| recorder)
    }

    /// Runs the test set, and keeps and prints the result.
    fn test(
        &self,
        engine: &mut dyn Engine,
        network: &Network,
        dataset: &Dataset,
        recorder: &Recorder,
    ) -> crate::Result<()> {
        let metrics = run::test_after(engine, &self.recipe, self.recipe.epochs, dataset.test.len())?;
        let hash = model_file::parameters_sha256(&recorder.parameters, network);
        let test = TestReport::from(&metrics);
        let outcome = Outcome { epochs: self.recipe.epochs, test, parameters_sha256: &hash };
        recorder.folder.write_json("result.json", &outcome)?;
        console::print(&console::test_line(&metrics))?;
        console::print(&format!("parameters sha256 {hash}"))?;
        console::say(&format!("saved to {}", recorder.folder.path().display()));
        Ok(())
    }

    /// Names the run on its plot: `MNIST, seed 1, batch 64`.
    fn title(&self, origin: &str) -> String {
        let place = origin.find(" from ").or(origin.find(" ("));
        let dataset = &origin[..place.unwrap_or(origin.len())];
        let Recipe { seed, batch_size, loss, .. } = &self.recipe;
        let loss = match loss {
            Loss::Logits => "",
            Loss::DoubleSoftmax => ", double softmax",
        };
        format!("{dataset}, seed {seed}, batch {batch_size}{loss}")
    }

    fn details(&self) -> String {
        let Recipe { learning_rate, addends, epochs, .. } = &self.recipe;
        format!("learning rate {learning_rate:?}, {addends} addends, {epochs} epochs")
    }
}
