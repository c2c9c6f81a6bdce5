//! Where the weights lie that a user names: a file, a run's folder, or the program itself.

use std::path::{Path, PathBuf};

use super::run_config::RunConfig;
use crate::network::Network;
use crate::report::console;
use crate::report::run_folder::RunFolder;
use crate::train::model_file::{self, Model, SHIPPED};
use crate::{Result, bounded};

/// How files of weights end.
const EXTENSIONS: [&str; 3] = ["safetensors", "pt", "pth"];

/// Loads the weights that a path means, or those that ship with the program, and says so.
///
/// # Errors
///
/// [`crate::Error::Data`] for a file that holds no weights of the network, and those of [`weights`].
pub(super) fn load(model: Option<&Path>, network: &Network) -> Result<Model> {
    if let Some(path) = model {
        return model_file::load(&weights(path)?, network);
    }
    console::say(&format!("weights: those that ship with the program ({SHIPPED})"));
    model_file::shipped(network)
}

/// What errors call them.
pub(super) fn name(model: Option<&Path>) -> &Path {
    model.unwrap_or(Path::new(SHIPPED))
}

/// The file of weights that a path means. Of a run, the best weights where they were chosen on held-out images,
/// and else the averaged ones, where it keeps an average, or the last: those that the run's own test is about.
///
/// # Errors
///
/// [`crate::Error::Data`] for a run whose configuration cannot be read.
pub(super) fn weights(path: &Path) -> Result<PathBuf> {
    let Ok(folder) = RunFolder::open(path) else { return Ok(path.to_path_buf()) };
    let config = RunConfig::read(&folder)?;
    let chosen = config.recipe.val_split.is_some() && folder.best().is_file();
    Ok(match config.recipe.ema {
        _ if chosen => folder.best(),
        Some(_) => folder.averaged(),
        None => folder.last(),
    })
}

/// Whether a path means weights where it might be a picture: a run's folder, a file that holds weights whatever
/// its name is, or a name of weights whatever the file holds, if there is one.
pub(super) fn is_weights(path: &Path) -> bool {
    let named = || path.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end == *known));
    RunFolder::open(path).is_ok() || (named() && !path.is_dir()) || holds_weights(path)
}

/// Whether a file holds weights. Only of a file: what is read of a pipe is gone.
pub(super) fn holds_weights(path: &Path) -> bool {
    path.is_file() && bounded::start(path, 16).is_ok_and(|start| model_file::is_weights(&start))
}
