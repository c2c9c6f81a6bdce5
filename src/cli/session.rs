//! One training from its first step to its summary.

use std::sync::{Arc, Mutex};

use super::outcome::{self, Outcome};
use super::profile::Profiler;
use super::recorder::{self, Recorder, SharedJournal};
use super::run_config::{self, Data, Resumed, RunConfig};
use super::signals::{self, Signals};
use super::start::Start;
use super::target;
use super::train::Flags;
use crate::data::Dataset;
use crate::engine::{Adapter, Opened};
use crate::network::Network;
use crate::report::background::Background;
use crate::report::console::{self, EpochBar};
use crate::report::run_folder::{Journal, RunFolder};
use crate::report::tensorboard::EventFile;
use crate::train::log::Running;
use crate::train::model_file::About;
use crate::train::run::{self, End, Job};
use crate::train::{Checkpoint, Engine};
use crate::wgsl::watch::Watch;
use crate::{Error, Result};

/// One training.
pub(super) struct Session<'a> {
    flags: &'a Flags,
    network: Network,
    dataset: Arc<Dataset>,
    data: Data,
    start: Start,
}

impl<'a> Session<'a> {
    /// A training from a start.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] where a run is continued on other data.
    pub(super) fn new(
        flags: &'a Flags,
        network: Network,
        dataset: Arc<Dataset>,
        start: Start,
    ) -> Result<Self> {
        let data = Data::of(&dataset);
        if let Some((_, before)) = &start.of {
            data.check_same(&before.data)?;
        }
        Ok(Self { flags, network, dataset, data, start })
    }

    /// Trains, tests and draws.
    ///
    /// # Errors
    ///
    /// What stopped the training; what it saved is kept.
    pub(super) fn run(
        mut self,
        opened: Opened,
        watch: Option<Watch>,
        profiler: Option<Profiler>,
    ) -> anyhow::Result<()> {
        let (adapter, tiles) = (opened.adapter.clone(), opened.tiles(&self.network, self.start.recipe.plan));
        let shaders = watch.as_ref().map(|watch| watch.folder().to_path_buf());
        let parameters = self.start.state.parameters.clone();
        let recipe = &self.start.recipe;
        let mut engine =
            opened.engine(self.network.clone(), recipe, parameters, self.dataset.clone(), watch)?;
        engine.set_state(&self.start.state)?;

        let config = self.config(&adapter, tiles, shaders);
        let folder = self.folder()?;
        let journal = Journal::start(folder.metrics(), &std::mem::take(&mut self.start.entries))?;
        let journal = Arc::new(Mutex::new(journal));
        self.log_steps(engine.as_mut(), &journal);
        let mut recorder = self.recorder(&folder, journal)?;
        // Not before there is room for a checkpoint: a run that is continued in vain keeps its result.
        for outdated in ["summary.json", outcome::CONFUSIONS, outcome::MISTAKES] {
            folder.forget(outdated)?;
        }
        folder.write_json(run_config::FILE, &config)?;
        folder.name_latest()?;

        self.train(engine.as_mut(), &mut recorder, profiler)
    }

    /// Trains, tests and draws, in a folder that a training can be continued from.
    fn train(
        mut self,
        engine: &mut dyn Engine,
        recorder: &mut Recorder,
        profiler: Option<Profiler>,
    ) -> anyhow::Result<()> {
        let job = Job::new(&self.start.recipe, &self.dataset, self.flags.save_every);
        let trained = run::train(engine, &job, &mut self.start.progress, recorder);
        let finished = recorder.finish();
        // All is saved: a signal has nothing to wait for any more.
        recorder.signals.leave_at_once();
        let outcome = Outcome {
            network: &self.network,
            dataset: &self.dataset,
            recipe: &self.start.recipe,
            history: self.start.progress.history,
            folder: recorder.folder,
            json: self.flags.json,
        };
        if let (Err(_), Err(error)) = (&trained, &finished) {
            console::say(&format!("saving what there is failed: {error}"));
        }
        let end = match trained.and_then(|end| finished.map(|()| end)) {
            Ok(end) => end,
            Err(error) => {
                console::say(&recorder.what_is_kept(!matches!(error, Error::Diverged(_))));
                outcome.draw(None, None);
                return Err(error.into());
            }
        };
        let (last, state) = (recorder.latest.clone(), &recorder.latest.state);
        // A signal that came when the last step was done still asks for the end, before the test.
        if let Some(signal) = recorder.signals.stop() {
            outcome.summarise(End::Stopped, state, None)?;
            outcome.draw(None, None);
            let (name, kept) = (signals::name(signal), recorder.what_is_kept(true));
            return Err(Error::Stopped { signal, told: format!("stopped by {name}: {kept}") }.into());
        }
        let test = outcome.test(engine, end, &last);
        let test = test.inspect_err(|error| {
            console::say(&recorder.what_is_kept(!matches!(error, Error::Diverged(_))));
        })?;
        profiler.map_or(Ok(()), |profiler| profiler.finish(engine))?;
        Ok(target::check(&self.flags.target_acc, &test)?)
    }

    /// The folder that the training is kept in: a new one, or the one of the run that is continued.
    fn folder(&mut self) -> Result<RunFolder> {
        let seed = self.start.recipe.seed;
        match self.start.of.take() {
            None => RunFolder::create(self.flags.out.as_deref(), seed),
            Some((of, _)) => match self.flags.out.as_deref() {
                None => {
                    of.checkpoints().forget_after(self.start.state.step)?;
                    Ok(of)
                }
                Some(out) => {
                    let folder = RunFolder::create(Some(out), seed)?;
                    folder.take_best_of(&of)?;
                    Ok(folder)
                }
            },
        }
    }

    fn config(
        &self,
        adapter: &Adapter,
        tiles: Option<&'static str>,
        shaders: Option<std::path::PathBuf>,
    ) -> RunConfig {
        let (started, version) = (run_config::now(), env!("CARGO_PKG_VERSION").to_string());
        let recipe = self.start.recipe.clone();
        match &self.start.of {
            Some((_, before)) => {
                let (at_step, adapter) = (self.start.state.step, adapter.clone());
                let mut resumed = before.resumed.clone();
                resumed.push(Resumed { at_step, started, version, adapter });
                RunConfig { recipe, shaders, resumed, asked: self.start.asked.clone(), ..before.clone() }
            }
            None => RunConfig {
                program: env!("CARGO_PKG_NAME").into(),
                version,
                system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
                started,
                adapter: adapter.clone(),
                tiles: tiles.map(String::from),
                shaders,
                init: self.start.init.clone(),
                data: self.data.clone(),
                asked: self.start.asked.clone(),
                recipe,
                resumed: Vec::new(),
            },
        }
    }

    /// Follows the training, which can be continued from now on.
    fn recorder<'f>(&self, folder: &'f RunFolder, journal: SharedJournal) -> Result<Recorder<'f>> {
        let Start { recipe, state, progress, .. } = &self.start;
        let about = About::new(recipe.clone(), &self.dataset.origin, self.data.test.sha256.clone());
        let about = About { trained_epochs: Some(progress.place.epoch - 1), ..about };
        let place = progress.place.clone();
        let latest = Checkpoint { state: state.clone(), about: about.clone(), place };
        let mut recorder = Recorder {
            folder,
            network: Arc::new(self.network.clone()),
            about,
            journal,
            bar: EpochBar::new(recipe.epochs, self.dataset.train.len()),
            signals: Signals::catch()?,
            keep: self.flags.keep.0,
            json: self.flags.json,
            printed: Ok(()),
            best: false,
            events: self.flags.tensorboard.then(|| EventFile::create(folder.path())).transpose()?,
            background: Background::new(),
            latest: Arc::new(latest),
            saved: Arc::new(Mutex::new(None)),
        };
        recorder.save_first()?;
        Ok(recorder)
    }

    /// Has the running loss printed and logged, where that is wanted.
    fn log_steps(&self, engine: &mut dyn Engine, journal: &SharedJournal) {
        let Start { recipe, state, progress, .. } = &self.start;
        let Some(every) = recipe.log_interval else { return };
        let none = Running { step: state.step as usize, images: 0, loss: 0.0 };
        let running = progress.place.log.unwrap_or(none);
        let steps = self.dataset.train.len().div_ceil(recipe.batch_size) as u32;
        let (rates, json) = (recipe.rates(steps), self.flags.json);
        engine.log_steps(recorder::step_log(every, running, rates, journal.clone(), json));
    }
}
