//! What `train` prints, logs and saves while it trains.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signals::Signals;
use crate::Result;
use crate::escape::Shown;
use crate::network::Network;
use crate::report::background::Background;
use crate::report::console::{self, EpochBar};
use crate::report::run_folder::{Entry, Journal, RunFolder, StepRecord};
use crate::report::tensorboard::EventFile;
use crate::train::log::{Line, Running};
use crate::train::model_file::{self, About};
use crate::train::run::{EpochRecord, Watcher};
use crate::train::{Checkpoint, LearningRate, Place, State, StepLog};

/// What the recorder and the engine's log write to.
pub(super) type SharedJournal = Arc<Mutex<Journal>>;

fn held(journal: &SharedJournal) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints, logs and saves while the training goes on.
pub(super) struct Recorder<'a> {
    pub folder: &'a RunFolder,
    pub network: Arc<Network>,
    pub about: About,
    pub journal: SharedJournal,
    pub bar: EpochBar,
    pub signals: Signals,
    /// How many checkpoints are kept; all where it is `None`.
    pub keep: Option<usize>,
    /// Print objects, not lines.
    pub json: bool,
    /// Whether the last epoch's line could be printed.
    pub printed: Result<()>,
    /// Whether the next state is that of the best epoch so far.
    pub best: bool,
    /// What TensorBoard is shown, where that is wanted.
    pub events: Option<EventFile>,
    pub background: Background,
    /// Where the training stands.
    pub latest: Arc<Checkpoint>,
    /// The place and the step of the last checkpoint that is on the disk.
    pub saved: Arc<Mutex<Option<(Place, u32)>>>,
}

impl Recorder<'_> {
    /// Saves where the training starts, and waits for it: it can be continued from then on.
    pub(super) fn save_first(&mut self) -> Result<()> {
        self.save_latest()?;
        self.background.finish()?;
        self.background = Background::new();
        Ok(())
    }

    /// Waits until all is saved.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.bar.clear();
        self.background.finish()
    }

    /// Saves where the training stands, and the weights.
    fn save_latest(&mut self) -> Result<()> {
        let (network, checkpoint, saved) = (self.network.clone(), self.latest.clone(), self.saved.clone());
        let (checkpoints, keep) = (self.folder.checkpoints(), self.keep);
        let (last, averaged) = (self.folder.last(), self.folder.averaged());
        let best = std::mem::take(&mut self.best).then(|| self.folder.best());
        let metrics = held(&self.journal).handle()?;
        self.background.add(move || {
            // The lines come first: a training that goes on from the checkpoint needs those before it.
            metrics.sync()?;
            // So do the weights: what a checkpoint says is the best epoch so far is in its file.
            let State { parameters, average, .. } = &checkpoint.state;
            let mut weights = vec![(last, parameters, false)];
            weights.extend(average.as_ref().map(|average| (averaged, average, true)));
            weights.extend(best.map(|best| (best, checkpoint.state.weights(), average.is_some())));
            for (path, weights, averaged) in weights {
                let about = About { averaged, ..checkpoint.about.clone() };
                model_file::save(&path, &network, weights, &about)?;
            }
            checkpoints.save(&checkpoint, &network, keep)?;
            *saved.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((checkpoint.place.clone(), checkpoint.state.step));
            Ok(())
        })
    }

    /// What is kept of a training that stopped, and how to go on.
    pub(super) fn what_is_kept(&self, can_go_on: bool) -> String {
        let folder = self.folder.path().shown();
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let there = saved.as_ref().filter(|(_, step)| self.folder.checkpoints().has(*step));
        let Some((place, step)) = there else { return format!("nothing of it is kept in {folder}") };
        let images = match place.images {
            0 => format!("epoch {} done", place.epoch - 1),
            images => format!("{images} images into epoch {}", place.epoch),
        };
        match can_go_on {
            true => format!("step {step} ({images}) is kept; continue with: digit-adder resume {folder}"),
            false => format!("step {step} ({images}) is kept in {folder}"),
        }
    }
}

impl Watcher for Recorder<'_> {
    fn progress(&mut self, epoch: u32, images: usize) -> ControlFlow<()> {
        self.bar.show(epoch, images);
        match self.signals.stop() {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) -> Result<()> {
        self.best = best;
        self.about.trained_epochs = Some(record.epoch);
        let entry = Entry::Epoch(record.clone());
        held(&self.journal).append(&entry)?;
        if let Some(events) = &mut self.events {
            events.epoch(record).and_then(|()| events.flush())?;
        }
        self.bar.clear();
        // Told when the epoch is saved: it must not be lost for a line that nobody can read.
        self.printed = match self.json {
            true => console::print_json(&entry),
            false => console::print(&console::epoch_line(&self.network, record)),
        };
        Ok(())
    }

    fn save(&mut self, place: &Place, state: State) -> Result<()> {
        self.latest = Arc::new(Checkpoint { state, about: self.about.clone(), place: place.clone() });
        self.save_latest()?;
        std::mem::replace(&mut self.printed, Ok(()))
    }
}

/// A log that prints the running loss, and adds it to the journal.
pub(super) fn step_log(
    every: usize,
    running: Running,
    rates: LearningRate,
    journal: SharedJournal,
    json: bool,
) -> StepLog {
    StepLog::new(every, running, move |line: Line| {
        let Line { step, loss, images_per_second } = line;
        let step = step as u32;
        let entry = Entry::Step(StepRecord { step, learning_rate: rates.at(step), loss, images_per_second });
        // The disk's failure ends the training when it saves next.
        let told = held(&journal).append(&entry);
        let printed = if json { console::print_json(&entry) } else { Ok(()) };
        if !json {
            console::interject(&console::step_line(&line));
        }
        if let Err(error) = told.and(printed) {
            console::interject(&format!("warning: {error}"));
        }
    })
}
