//! `digit-adder train`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::options::{self, AdapterOptions, DataOptions};
use super::profile::Profiler;
use crate::data::Addends;
use crate::engine::{self, Adapter, Choice};
use crate::gpu::watch::Watch;
use crate::model_file::{self, About};
use crate::network::Sizes;
use crate::report::console::{self, Accuracy, EpochBar};
use crate::report::run_folder::{self, RunFolder};
use crate::report::summary;
use crate::train::run::{self, Course, EpochRecord, Watcher};
use crate::train::{Loss, Metrics, Settings, StepLog};
use crate::{Result, plans};

/// Flags of `train`.
#[derive(Debug, Args)]
pub struct Train {
    #[command(flatten)]
    adapter: AdapterOptions,
    #[command(flatten)]
    data: DataOptions,
    /// Train on the first N images only
    #[arg(long, value_name = "N", value_parser = options::at_least_one)]
    limit: Option<usize>,
    /// Passes over the training set
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Images of a training step
    #[arg(long, value_name = "N", default_value_t = options::BATCH_SIZE, value_parser = options::batch_size)]
    batch_size: usize,
    /// Learning rate of Adam
    #[arg(long, value_name = "RATE", default_value = "0.001", value_parser = options::learning_rate)]
    lr: f32,
    /// Decides initial weights, order and addends: one seed, one result
    #[arg(long, value_name = "N", default_value_t = options::SEED)]
    seed: u64,
    /// Print the mean loss of every N steps; a small N costs speed
    #[arg(long, value_name = "N", value_parser = options::at_least_one)]
    log_interval: Option<usize>,
    /// Run the test set after every N epochs too, not only at the end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    eval_interval: Option<u32>,
    /// What is minimised
    #[arg(long, value_enum, default_value_t)]
    loss: Loss,
    /// When the addends of the training images are drawn
    #[arg(long, value_enum, default_value_t)]
    addends: Addends,
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
    /// --hot-reload: the shipped shaders are tried
    #[arg(long, conflicts_with = "hot_reload")]
    tune: bool,
    /// Time the dispatches of a step when the training is done; with a FILE, write all that host and
    /// device did as a trace for chrome://tracing or Perfetto
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    profile: Option<Option<PathBuf>>,
}

/// `config.json`: what the run was told, and what it chose.
#[derive(Serialize)]
struct Config<'a> {
    program: &'static str,
    version: &'static str,
    started: String,
    adapter: &'a Adapter,
    dataset: &'a str,
    training_images: usize,
    test_images: usize,
    batch_size: usize,
    loss: Loss,
    plan: plans::Kind,
    /// By name; none where nothing is cut into tiles.
    tiles: Option<&'static str>,
    /// The folder of the shaders under hot reload; else they are the program's own.
    shaders: Option<&'a Path>,
    #[serde(flatten)]
    course: Course,
}

/// `result.json`: what came of it.
#[derive(Serialize)]
struct Outcome<'a> {
    epochs: u32,
    test_images: usize,
    test_loss: f64,
    correct_digits: usize,
    correct_sums: usize,
    digit: Accuracy,
    sum: Accuracy,
    parameters_sha256: &'a str,
}

impl Train {
    pub fn run(self) -> anyhow::Result<()> {
        if let Some(out) = &self.out {
            run_folder::refuse_used(out)?;
        }
        let watch = self.hot_reload.then(|| Watch::new(&self.shader_dir, console::interject)).transpose()?;
        let choice = Choice { profile: self.profile.is_some(), ..self.adapter.choice() };
        let mut opened = engine::open(&choice, &mut console::say)?;
        let profiler =
            self.profile.as_ref().map(|trace| Profiler::new(&opened, trace.clone())).transpose()?;
        let sizes = Sizes::default();
        if self.tune {
            opened.tunable(sizes, self.adapter.plan())?;
        }
        if self.hot_reload {
            opened.reloadable()?;
        }
        console::say(&format!("adapter: {}", opened.adapter));
        let settings = Settings { batch: self.batch_size, loss: self.loss, plan: self.adapter.plan() };
        // Most of the time before the first step goes into these two.
        let others = self.tune || self.hot_reload;
        let prepare = || if others { Ok(()) } else { opened.prepare(sizes, settings) };
        let (prepared, dataset) = rayon::join(prepare, || self.data.load(self.limit));
        prepared?;
        let dataset = Arc::new(dataset?);
        let (images, test_images) = (dataset.train.labels.len(), dataset.test.labels.len());
        let (origin, test_sha256) = (dataset.origin.clone(), dataset.test.sha256());
        console::say(&format!("data: {origin}, {images} training and {test_images} test images"));
        console::say(&format!("\n{}\n", summary::network(&sizes, self.batch_size)));

        let course = Course {
            epochs: self.epochs,
            learning_rate: self.lr,
            addends: self.addends,
            seed: self.seed,
            eval_interval: self.eval_interval,
        };
        console::say(&format!("{}, {}", self.title(&origin), self.details()));
        let adapter = opened.adapter.clone();
        let start = sizes.initial_parameters(self.seed);
        if let Some(refusal) = settings.plan.refusal(sizes) {
            console::say(&format!("the layered plan is used, the fused one refuses the network: {refusal}"));
        }
        if let Some(watch) = &watch {
            console::say(&format!("hot reload: the shaders are those in {}", watch.folder().display()));
        }
        if self.tune {
            opened.tune(sizes, settings, &start, &mut console::say)?;
        }
        let tiles = opened.tiles(sizes, settings.plan);
        let shaders = watch.as_ref().map(|watch| watch.folder().to_path_buf());
        let mut engine = opened.engine(sizes, settings, start, dataset, watch)?;
        if let Some(interval) = self.log_interval {
            engine.log_steps(StepLog::new(interval, |line| console::interject(&console::step_line(&line))));
        }

        let folder = RunFolder::create(self.out.as_deref(), self.seed)?;
        folder.write_json(
            "config.json",
            &Config {
                program: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                started: chrono::Local::now().format("%Y-%m-%d %H:%M:%S %:z").to_string(),
                adapter: &adapter,
                dataset: &origin,
                training_images: images,
                test_images,
                batch_size: self.batch_size,
                loss: self.loss,
                plan: self.adapter.plan(),
                tiles,
                shaders: shaders.as_deref(),
                course,
            },
        )?;
        let about = About {
            version: env!("CARGO_PKG_VERSION").into(),
            loss: self.loss,
            seed: self.seed,
            epochs: 0,
            dataset: origin.clone(),
            test_sha256: Some(test_sha256),
        };
        let mut recorder = Recorder::new(folder, sizes, about, EpochBar::new(self.epochs, images));
        let trained = run::train(engine.as_mut(), &course, [images, test_images], &mut recorder);
        let finished = recorder.finish(&self.title(&origin));
        if trained.is_err() {
            console::say(&match &finished {
                Ok(()) => recorder.what_is_kept(),
                Err(error) => format!("the training stopped early, and saving what there is failed: {error}"),
            });
        }
        trained.and(finished)?;

        let metrics = run::test_after(engine.as_mut(), &course, self.epochs, test_images)?;
        let hash = model_file::parameters_sha256(&recorder.parameters, &sizes);
        recorder.folder.write_json("result.json", &outcome(self.epochs, &metrics, &hash))?;
        console::print(&console::test_line(&metrics))?;
        console::print(&format!("parameters sha256 {hash}"))?;
        console::say(&format!("saved to {}", recorder.folder.path().display()));
        if let Some(profiler) = profiler {
            profiler.finish(engine.as_mut())?;
        }
        Ok(())
    }

    /// Names the run on its plot: `MNIST, seed 1, batch 64`.
    fn title(&self, origin: &str) -> String {
        let place = origin.find(" from ").or(origin.find(" ("));
        let dataset = &origin[..place.unwrap_or(origin.len())];
        let loss = match self.loss {
            Loss::Logits => "",
            Loss::DoubleSoftmax => ", double softmax",
        };
        format!("{dataset}, seed {}, batch {}{loss}", self.seed, self.batch_size)
    }

    fn details(&self) -> String {
        let addends = match self.addends {
            Addends::Fixed => "fixed",
            Addends::Fresh => "fresh",
        };
        format!("learning rate {:?}, {addends} addends, {} epochs", self.lr, self.epochs)
    }
}

fn outcome<'a>(epochs: u32, metrics: &Metrics, parameters_sha256: &'a str) -> Outcome<'a> {
    Outcome {
        epochs,
        test_images: metrics.images,
        test_loss: metrics.loss,
        correct_digits: metrics.digits,
        correct_sums: metrics.sums,
        digit: Accuracy::new(metrics.digits, metrics.images),
        sum: Accuracy::new(metrics.sums, metrics.images),
        parameters_sha256,
    }
}

/// Weights reach the disk this often, and at the end: a fast epoch does not wait for the disk,
/// and a run that is cut short loses no more than this.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Prints, logs and saves while the training goes on.
struct Recorder {
    folder: RunFolder,
    sizes: Sizes,
    about: About,
    bar: EpochBar,
    records: Vec<EpochRecord>,
    /// Of the last good epoch; empty before the first.
    parameters: Vec<f32>,
    saved: Instant,
}

impl Recorder {
    fn new(folder: RunFolder, sizes: Sizes, about: About, bar: EpochBar) -> Self {
        Self { folder, sizes, about, bar, records: Vec::new(), parameters: Vec::new(), saved: Instant::now() }
    }

    /// Saves and draws what there is, also after a run that failed.
    fn finish(&mut self, title: &str) -> Result<()> {
        self.bar.clear();
        if !self.parameters.is_empty() {
            self.save()?;
        }
        self.folder.write_plot(&self.records, title)
    }

    fn save(&mut self) -> Result<()> {
        self.saved = Instant::now();
        model_file::save(&self.folder.model(), &self.sizes, &self.parameters, &self.about)
    }

    fn what_is_kept(&self) -> String {
        let folder = self.folder.path().display();
        match self.about.epochs {
            0 => format!("the training stopped in its first epoch, {folder} holds no weights"),
            n => format!("the training stopped early, the weights of epoch {n} are kept in {folder}"),
        }
    }
}

impl Watcher for Recorder {
    fn progress(&mut self, epoch: u32, images: usize) {
        self.bar.show(epoch, images);
    }

    fn epoch(&mut self, record: &EpochRecord, parameters: Vec<f32>) -> Result<()> {
        self.parameters = parameters;
        self.about.epochs = record.epoch;
        self.records.push(*record);
        self.folder.append(record)?;
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save()?;
        }
        self.bar.clear();
        console::print(&console::epoch_line(record))
    }
}
