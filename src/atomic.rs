//! Files that are either whole or not there.

use std::io::{Read, Write};
use std::path::Path;

use crate::{Error, Result};

/// What the names of temporary files begin with.
const PREFIX: &str = ".new-";

/// The largest text that is read: the metrics of a million epochs.
const MAX_TEXT: u64 = 500_000_000;

/// Writes `bytes` to a temporary sibling of `path`, waits until the disk has them and renames:
/// whatever happens, `path` is the old file or the new one.
///
/// # Errors
///
/// [`Error::Data`] naming `path`.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let replace = || -> std::io::Result<()> {
        let mut builder = tempfile::Builder::new();
        // Temporary files are private by default; this one must be as readable as any other file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(PREFIX).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_folder(folder)
    };
    replace().map_err(|error| Error::Data(format!("cannot write {}: {error}", path.display())))
}

/// What came of waiting for the disk: some file systems have nothing to wait for.
pub(crate) fn can_wait(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

/// Waits until the disk knows a new name in a folder.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    can_wait(std::fs::File::open(folder)?.sync_all())
}

/// Elsewhere folders cannot be opened as files, and renaming waits itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Removes what a program that was killed while it wrote has left in a folder.
pub(crate) fn clear_remains(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Reads a text of at most [`MAX_TEXT`] bytes.
///
/// # Errors
///
/// [`Error::Data`] naming `path`.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let cannot = |what: String| Error::Data(format!("cannot read {}: {what}", path.display()));
    let mut text = String::new();
    // Not the size that the system gives: a pipe has none, and a file may grow.
    let file = std::fs::File::open(path).map_err(|error| cannot(error.to_string()))?;
    file.take(MAX_TEXT + 1).read_to_string(&mut text).map_err(|error| cannot(error.to_string()))?;
    match text.len() as u64 <= MAX_TEXT {
        true => Ok(text),
        false => Err(cannot(format!("it has more than {} MB", MAX_TEXT / 1_000_000))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"first").unwrap();
        write(&path, b"2nd").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2nd");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn remains_are_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"text").unwrap();
        std::fs::write(folder.path().join(".new-a1b2c3"), b"te").unwrap();
        clear_remains(folder.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(read_text(&path).unwrap(), "text");
        assert!(read_text(folder.path()).unwrap_err().to_string().contains("cannot read"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("none/file"), b"").unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains("none"), "{error}");
    }
}
