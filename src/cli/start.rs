//! What a training starts from: the beginning, or where a run stopped.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::given::Given;
use super::options::{AdapterOptions, DataOptions};
use super::run_config::{Asked, RunConfig, Weights};
use crate::escape::Shown;
use crate::network::Network;
use crate::report::console;
use crate::report::run_folder::{Entry, RunFolder, journal};
use crate::train::run::{History, Progress};
use crate::train::{Checkpoint, Place, Recipe, State, model_file};
use crate::{Error, Result};

/// What a training starts from.
pub(super) struct Start {
    pub recipe: Recipe,
    pub asked: Asked,
    pub state: State,
    pub progress: Progress,
    /// What the run went through before.
    pub entries: Vec<Entry>,
    /// The weights that it started from, if they were not drawn.
    pub init: Option<Weights>,
    /// The run that is continued.
    pub of: Option<(RunFolder, RunConfig)>,
}

impl Start {
    /// From the beginning: weights drawn from the seed, or those of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] for a file that holds no weights of the network.
    pub(super) fn new(recipe: Recipe, asked: Asked, init: Option<&Path>, network: &Network) -> Result<Self> {
        let (parameters, init) = match init {
            None => (network.initial_parameters(recipe.seed), None),
            Some(path) => {
                let file = super::model_path::weights(path)?;
                let parameters = model_file::load(&file, network)?.parameters;
                let parameters_sha256 = model_file::parameters_sha256(&parameters, network);
                (parameters, Some(Weights { file, parameters_sha256 }))
            }
        };
        let progress = Progress { place: Place::start_of(1), history: History::default() };
        let state = State::starting(parameters, &recipe);
        Ok(Self { recipe, asked, state, progress, entries: Vec::new(), init, of: None })
    }

    /// Where a run stopped: its folder, or one of its checkpoints. Of the flags only those that were `given` count.
    /// Where it goes on in its own folder, that is held from before it is read: what another training saves
    /// meanwhile would be lost.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] where there is no run or no checkpoint; [`Error::Usage`] naming flags that would change
    /// the recipe, and where another training has the folder.
    pub(super) fn of_run(
        run: &Path,
        flags: &Recipe,
        asked: &Asked,
        given: &Given,
        network: &Network,
        hold: bool,
    ) -> Result<Self> {
        let (folder, file) = located(run);
        let folder = RunFolder::open(&folder)?;
        let folder = if hold { folder.hold()? } else { folder };
        let config = RunConfig::read(&folder)?;
        let recipe = continued(&config.recipe, flags, given)?;
        let asked = Asked {
            adapter: AdapterOptions::clone(&asked.adapter).or(config.asked.adapter.clone()),
            data: DataOptions::clone(&asked.data).or(config.asked.data.clone()),
        };
        let checkpoint = match file {
            Some(file) => Checkpoint::load(&file, network)?,
            None => folder.checkpoints().newest(network, &mut console::interject)?,
        };
        let Checkpoint { state, place, .. } = checkpoint;
        let entries = journal::read(&folder.metrics(), state.step)?;
        let mut history = History::default();
        for entry in &entries {
            if let Entry::Epoch(record) = entry {
                history.add(record);
            }
        }
        // After an older checkpoint was chosen the file has the best of another future, and the next epoch is the best.
        let best = model_file::load(&folder.best(), network).ok().and_then(|best| best.about?.trained_epochs);
        history.best = history.best.filter(|(epoch, _)| Some(*epoch) == best);
        let (progress, init) = (Progress { place, history }, config.init.clone());
        Ok(Self { recipe, asked, state, progress, entries, init, of: Some((folder, config)) })
    }
}

/// The folder of a run, and the checkpoint in it, where that was named.
fn located(run: &Path) -> (PathBuf, Option<PathBuf>) {
    let is_checkpoint = run.extension().is_some_and(|extension| extension == "safetensors");
    match run.parent().and_then(Path::parent) {
        Some(folder) if is_checkpoint && run.is_file() => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            (folder.to_path_buf(), Some(run.to_path_buf()))
        }
        _ => (run.to_path_buf(), None),
    }
}

/// What of a recipe may change where a training is continued: it does not change its steps.
const FREE: [&str; 4] = ["epochs", "patience", "eval_interval", "log_interval"];

/// A run's recipe with the flags that were given, which must not change what it computes.
fn continued(before: &Recipe, flags: &Recipe, given: &Given) -> Result<Recipe> {
    let (mut recipe, flags) = (fields(before)?, fields(flags)?);
    for (name, new) in flags {
        let flag = flag(&name);
        if !given.has(&flag) || recipe.get(&name) == Some(&new) {
            continue;
        }
        let (then, value) = (shown(recipe.get(&name)), shown(Some(&new)));
        if !FREE.contains(&name.as_str()) || (name == "epochs" && before.depends_on_epochs()) {
            return Err(Error::Usage(format!(
                "--{flag} cannot change where a run is continued: it was trained with {then}, not {value}. Leave the \
                 flag out, or start a new run (--init takes weights)"
            )));
        }
        recipe.insert(name, new);
    }
    serde_json::from_value(Value::Object(recipe)).map_err(|error| Error::Data(error.to_string()))
}

/// A recipe's value as the user gives it.
fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".into(),
        Some(Value::String(text)) => text.shown(),
        // Recipes have f32, which JSON widens.
        Some(Value::Number(number)) if number.is_f64() => {
            number.as_f64().map_or_else(String::new, |number| (number as f32).to_string())
        }
        Some(value) => value.to_string(),
    }
}

/// The flag of a recipe's field.
fn flag(field: &str) -> String {
    match field {
        "learning_rate" => "lr".into(),
        other => other.replace('_', "-"),
    }
}

fn fields(recipe: &Recipe) -> Result<Map<String, Value>> {
    match serde_json::to_value(recipe) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Error::Data("a recipe has no fields".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::given::Origin;
    use clap::CommandFactory;

    fn given(names: &[&str]) -> Given {
        let mut given = Given::default();
        names.iter().for_each(|name| given.set(name, Origin::Flag));
        given
    }

    #[test]
    fn only_what_changes_no_step_may_change() {
        let before = Recipe { seed: 3, epochs: 4, ..Recipe::default() };
        let flags = Recipe { epochs: 9, seed: 1, eval_interval: Some(2), ..Recipe::default() };
        assert_eq!(continued(&before, &flags, &given(&[])).unwrap(), before);
        let free = continued(&before, &flags, &given(&["epochs", "eval-interval"])).unwrap();
        assert_eq!(free, Recipe { epochs: 9, eval_interval: Some(2), ..before.clone() });
        let error = continued(&before, &flags, &given(&["epochs", "seed"])).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().contains("--seed cannot change") && error.to_string().contains("with 3, not 1")
        );
        assert!(
            continued(&before, &before, &given(&["seed", "epochs", "lr"])).is_ok(),
            "the same may be said again"
        );
        let rate = Recipe { learning_rate: 0.5, ..before.clone() };
        assert!(continued(&before, &rate, &given(&["lr"])).unwrap_err().to_string().contains("--lr"));
    }

    #[test]
    fn every_field_of_a_recipe_has_its_flag() {
        let cli = super::super::Cli::command();
        let train = cli.find_subcommand("train").unwrap();
        for field in fields(&Recipe::default()).unwrap().keys() {
            let flag = flag(field);
            assert!(train.get_arguments().any(|a| a.get_long() == Some(&flag)), "{flag}");
        }
    }

    #[test]
    fn a_checkpoint_lies_in_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        std::fs::create_dir_all(run.join("checkpoints")).unwrap();
        let file = run.join("checkpoints/step_0000000005.safetensors");
        std::fs::write(&file, "").unwrap();
        assert_eq!(located(&file), (run.clone(), Some(file)));
        assert_eq!(located(&run), (run.clone(), None));
    }
}
