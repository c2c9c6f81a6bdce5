//! Where the weights lie that a user names: a file, or a run's folder.

use std::path::{Path, PathBuf};

use super::run_config::RunConfig;
use crate::Result;
use crate::report::run_folder::RunFolder;

/// The file of weights that a path means. Of a run, the best weights where they were chosen on held-out images,
/// and else the last ones: those that the run's own test is about.
///
/// # Errors
///
/// [`crate::Error::Data`] for a run whose configuration cannot be read.
pub(super) fn weights(path: &Path) -> Result<PathBuf> {
    let Ok(folder) = RunFolder::open(path) else { return Ok(path.to_path_buf()) };
    let config = RunConfig::read(&folder)?;
    let chosen = config.recipe.val_split.is_some() && folder.best().is_file();
    Ok(if chosen { folder.best() } else { folder.last() })
}
