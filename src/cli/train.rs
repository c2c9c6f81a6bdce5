//! `digit-adder train` and `digit-adder resume`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::given::{Given, Origin};
use super::options::{self, AdapterOptions, DataOptions};
use super::profile::Profiler;
use super::run_config::Asked;
use super::session::Session;
use super::start::Start;
use super::target::Target;
use crate::data::Dataset;
use crate::engine::{self, Choice, Opened, Purpose};
use crate::escape::Shown;
use crate::network::{Network, Sizes};
use crate::report::console;
use crate::report::run_folder::{self, RunFolder};
use crate::report::summary;
use crate::train::Recipe;
use crate::train::recipe::at_least_one;
use crate::train::run::Job;
use crate::wgsl::watch::Watch;
use crate::{Error, Result};

/// Flags of `train`.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// Continue a run: its folder, or one of its checkpoints [default: runs/latest]
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with = "init")]
    resume: Option<Option<PathBuf>>,
    /// Start from the weights of a file or of a run, not from drawn ones
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
    #[command(flatten)]
    pub flags: Flags,
}

/// Flags of `resume`.
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The run: its folder, or one of its checkpoints [default: runs/latest]
    run: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// Flags of both.
#[derive(Debug, Args)]
pub(super) struct Flags {
    #[command(flatten)]
    pub adapter: AdapterOptions,
    #[command(flatten)]
    pub data: DataOptions,
    #[command(flatten)]
    pub recipe: Recipe,
    /// Folder for weights, log and plots, new or empty [default: runs/<date>_<time>_seed<N>, or the run that is
    /// continued]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Save a checkpoint after every N steps too, not only after every epoch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub save_every: Option<u32>,
    /// Checkpoints to keep, the newest N, or all
    #[arg(long, value_name = "N|all", default_value = "2", value_parser = keep)]
    pub keep: Keep,
    /// End with exit code 6 unless the test reaches these accuracies in percent, such as digit=99,sum=98
    #[arg(long, value_name = "HEAD=PERCENT", value_delimiter = ',')]
    pub target_acc: Vec<Target>,
    /// Say what would be trained, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print an object per epoch and log interval, and the summary, as metrics.jsonl and summary.json have them
    #[arg(long)]
    pub json: bool,
    /// Write event files for TensorBoard too, into the run's folder
    #[arg(long)]
    pub tensorboard: bool,
    /// Take the shaders from a folder, not from the program, and swap them in whenever a file changes
    #[arg(long)]
    pub hot_reload: bool,
    /// The folder that --hot-reload watches
    #[arg(long, value_name = "DIR", default_value = "shaders", requires = "hot_reload")]
    pub shader_dir: PathBuf,
    /// Try several tile sizes for 20 steps each and use the fastest; they may round differently. Not with
    /// --hot-reload: only the shipped shaders are tried
    #[arg(long, conflicts_with = "hot_reload")]
    pub tune: bool,
    /// Time the dispatches of a step when the training is done; with a FILE, write what host and
    /// device did as a trace for chrome://tracing or Perfetto
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub profile: Option<Option<PathBuf>>,
}

/// How many checkpoints are kept; all where it is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep(pub Option<usize>);

fn keep(text: &str) -> std::result::Result<Keep, String> {
    match text {
        "all" => Ok(Keep(None)),
        _ => at_least_one(text).map(|count| Keep(Some(count))).map_err(|what| format!("{what}, or all")),
    }
}

impl Train {
    pub(super) fn run(self, given: &Given) -> anyhow::Result<()> {
        let latest = |run: Option<PathBuf>| run.unwrap_or_else(RunFolder::latest);
        self.flags.run(self.resume.map(latest), self.init.as_deref(), given)
    }
}

impl Resume {
    pub(super) fn run(self, given: &Given) -> anyhow::Result<()> {
        self.flags.run(Some(self.run.unwrap_or_else(RunFolder::latest)), None, given)
    }
}

impl Flags {
    fn run(self, resume: Option<PathBuf>, init: Option<&Path>, given: &Given) -> anyhow::Result<()> {
        let network = Sizes::default().network()?;
        self.check(&network, resume.is_some())?;
        let watch = self.hot_reload.then(|| Watch::new(&self.shader_dir, console::interject)).transpose()?;
        let mut start = self.start(resume, init, given, &network)?;
        start.recipe.check()?;
        start.recipe.plan = options::fitting(start.recipe.plan, &network);
        let mut opened = self.open(&start, given, &network)?;
        let profiler =
            self.profile.as_ref().map(|trace| Profiler::new(&opened, trace.clone())).transpose()?;
        let dataset = self.data_beside_pipelines(&network, &start, &mut opened)?;
        let job = Job::new(&start.recipe, &dataset, self.save_every);
        introduce(&network, &dataset, &start, &job);
        if let Some(watch) = &watch {
            console::say(&format!("hot reload: the shaders come from {}", watch.folder().shown()));
        }
        if self.dry_run {
            return Ok(console::print(&self.intention(&start, &job))?);
        }
        if self.tune {
            opened.tune(&network, &start.recipe, &start.state.parameters, &mut console::say)?;
        }
        Session::new(&self, network, dataset, start)?.run(opened, watch, profiler)
    }

    /// Refuses what no run can be, before anything takes time.
    fn check(&self, network: &Network, resumed: bool) -> Result<()> {
        self.target_acc.iter().try_for_each(|target| target.check(network))?;
        if resumed && self.tune {
            return Err(Error::Usage(
                "--tune cannot be used where a run is continued: it keeps its tiles, which decide the last bits"
                    .into(),
            ));
        }
        self.out.as_deref().map_or(Ok(()), run_folder::refuse_used)
    }

    fn start(
        &self,
        resume: Option<PathBuf>,
        init: Option<&Path>,
        given: &Given,
        network: &Network,
    ) -> Result<Start> {
        let data = self.data.clone().absolute();
        let asked = Asked { adapter: self.adapter.clone(), data };
        match resume {
            Some(run) => {
                let hold = self.out.is_none() && !self.dry_run;
                Start::of_run(&run, &self.recipe, &asked, given, network, hold)
            }
            None => Start::new(self.recipe.clone(), asked, init, network),
        }
    }

    /// Opens the adapter, and refuses flags that it cannot serve before anything else takes time.
    fn open(&self, start: &Start, given: &Given, network: &Network) -> Result<Opened> {
        // A recipe names one, too, but means none.
        let names_plan = given.origin("plan").is_some_and(|origin| !matches!(origin, Origin::Recipe { .. }));
        let of_driver = self.tune || self.hot_reload || self.profile.is_some() || names_plan;
        let purpose = if of_driver { Purpose::Dispatches } else { Purpose::Speed };
        let choice = Choice {
            profile: self.profile.is_some(),
            before: start.of.as_ref().map(|(_, before)| before.last_adapter().clone()),
            ..start.asked.adapter.choice(purpose)
        };
        let mut opened = engine::open(&choice, &mut console::say)?;
        if self.tune {
            opened.tunable(network, start.recipe.plan)?;
        }
        if self.hot_reload {
            opened.reloadable()?;
        }
        console::say(&format!("adapter: {}", opened.adapter));
        if let Some(advice) = opened.adapter.advice() {
            console::say(&format!("note: {advice}"));
        }
        let Some((_, before)) = &start.of else { return Ok(opened) };
        if *before.last_adapter() != opened.adapter {
            console::say(&format!(
                "note: the run was trained on {} before: the last bits may differ from those of a run on one device",
                before.last_adapter().to_string().shown()
            ));
        }
        if let (Some(tiles), Some(_)) = (&before.tiles, opened.gpu()) {
            opened.cut(tiles)?;
        }
        Ok(opened)
    }

    /// Reads the data and makes the pipelines: most of the time before the first step goes into these two.
    fn data_beside_pipelines(
        &self,
        network: &Network,
        start: &Start,
        opened: &mut Opened,
    ) -> Result<Arc<Dataset>> {
        let recipe = &start.recipe;
        let others = self.tune || self.hot_reload || self.dry_run;
        let prepare = || if others { Ok(()) } else { opened.prepare(network, recipe) };
        let load = || start.asked.data.load(recipe.val_split, recipe.limit);
        let (prepared, dataset) = rayon::join(prepare, load);
        prepared?;
        dataset.map(Arc::new)
    }

    /// What a dry run says last.
    fn intention(&self, start: &Start, job: &Job) -> String {
        let (steps, epochs) = (job.steps(), start.recipe.epochs);
        let left = (u64::from(steps) * u64::from(epochs)).saturating_sub(u64::from(start.state.step));
        let place = match (&self.out, &start.of) {
            (Some(out), _) => out.shown(),
            (None, Some((folder, _))) => folder.path().shown(),
            (None, None) => "a new folder in runs".into(),
        };
        format!(
            "dry run: {left} steps, {steps} an epoch, would be trained and saved in {place}; nothing was done"
        )
    }
}

/// Prints what is trained, and on what.
fn introduce(network: &Network, dataset: &Dataset, start: &Start, job: &Job) {
    let Dataset { origin, train, validation, test } = dataset;
    let held_out = match validation.len() {
        0 => String::new(),
        images => format!("{images} held out of it for validation, "),
    };
    console::say(&format!(
        "data: {origin}, {} training images, {held_out}{} test images",
        train.len(),
        test.len()
    ));
    console::say(&format!("\n{}\n", summary::network(network, start.recipe.batch_size)));
    let recipe = &start.recipe;
    console::say(&format!("{}, {}", summary::title(recipe, origin), summary::details(recipe)));
    let (step, place) = (start.state.step, &start.progress.place);
    if start.of.is_some() && place.epoch > recipe.epochs {
        console::say(&format!(
            "all {} epochs are done at step {step}: a larger --epochs goes on",
            recipe.epochs
        ));
    } else if start.of.is_some() {
        console::say(&format!(
            "continued at step {step}: epoch {} of {}, {} of {} images",
            place.epoch, recipe.epochs, place.images, job.images
        ));
    }
}
