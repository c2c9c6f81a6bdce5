//! `runs/latest`, a name for the newest run: a link, or a file with the name where links cannot be made.

use std::fs;
use std::path::{Path, PathBuf};

use super::cannot;
use crate::{Result, atomic, bounded};

/// In bytes. It holds a name.
const MOST: u64 = 10_000;

/// Makes `latest` name `run`, its neighbour.
///
/// # Errors
///
/// [`crate::Error::Data`] naming the file.
pub(super) fn name(latest: &Path, run: &Path) -> Result<()> {
    let Some(name) = run.file_name() else { return Ok(()) };
    // Made under another name and renamed: two runs may start at once.
    let new = latest.with_file_name(format!("{}latest-{}", atomic::PREFIX, std::process::id()));
    let _ = fs::remove_file(&new);
    latest.parent().into_iter().for_each(atomic::clear_remains);
    match link(Path::new(name), &new) {
        Ok(()) => fs::rename(&new, latest).map_err(|error| cannot("write", latest, &error)),
        Err(_) => {
            // A link from when links could be made: not its end is to be written.
            if latest.is_symlink() {
                let removed = fs::remove_file(latest).or_else(|_| fs::remove_dir(latest));
                removed.map_err(|error| cannot("write", latest, &error))?;
            }
            atomic::write(latest, name.as_encoded_bytes())
        }
    }
}

/// The folder that a path means: a run has its own name, not that of a link to it.
pub(super) fn followed(path: &Path) -> PathBuf {
    if let Ok(target) = fs::read_link(path) {
        return path.parent().unwrap_or(Path::new("")).join(target);
    }
    match path.is_file().then(|| bounded::read_text(path, MOST)) {
        Some(Ok(name)) if path.ends_with(super::LATEST) => path.with_file_name(name.trim()),
        _ => path.to_path_buf(),
    }
}

#[cfg(unix)]
fn link(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn link(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_dir(target, link)
}

#[cfg(not(any(unix, windows)))]
fn link(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_named_by_link_or_by_file() {
        let runs = tempfile::tempdir().unwrap();
        let latest = runs.path().join("latest");
        for run in ["a", "b"].map(|name| runs.path().join(name)) {
            fs::create_dir(&run).unwrap();
            name(&latest, &run).unwrap();
            assert_eq!(followed(&latest), run);
        }
        fs::remove_file(&latest).unwrap();
        fs::write(&latest, "a\n").unwrap();
        assert_eq!(followed(&latest), runs.path().join("a"));
    }
}
