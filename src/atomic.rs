//! Files that are either whole or not there.

use std::fs::{File, OpenOptions};
use std::io::{Error as IoError, ErrorKind, Result as IoResult, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::escape::Shown;
use crate::{Error, Result};

/// What the names of temporary files begin with.
pub(crate) const PREFIX: &str = ".digit-adder-new-";

/// Links that are followed one after the other, at most.
const MOST_LINKS: usize = 40;

/// What the system's names for open files lie in: `/dev/stdout` is a link into it.
const DESCRIPTORS: [&str; 2] = ["/proc", "/dev/fd"];

/// Writes `bytes` to a file of the program's own.
///
/// A regular file, or one that is not there yet, is written as a temporary sibling, brought to the disk and
/// renamed: whatever happens, it is the old file or the new one. A link to one is replaced, and what it leads to, which
/// may be another run's, stays. Anything else, such as a pipe, a device or `/dev/stdout`, is written to as it is.
///
/// # Errors
///
/// [`Error::Data`] naming `path`.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_as(path, bytes, Kind::Own)
}

/// The same for a file that the user names: links to it are followed, it keeps its permissions, and one that may only
/// be read is refused.
///
/// # Errors
///
/// [`Error::Data`] naming `path`.
pub(crate) fn write_named(path: &Path, bytes: &[u8]) -> Result<()> {
    write_as(path, bytes, Kind::Named)
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Own,
    Named,
}

fn write_as(path: &Path, bytes: &[u8], kind: Kind) -> Result<()> {
    let written = match target(path, kind) {
        Ok(Target::File(file)) => match replace(&file, bytes, kind) {
            // Another program may have cleared the sibling before it was locked.
            Err(error) if error.kind() == ErrorKind::NotFound && folder(&file).is_dir() => {
                replace(&file, bytes, kind)
            }
            done => done,
        },
        Ok(Target::Stream) => {
            OpenOptions::new().append(true).open(path).and_then(|stream| write_all(stream, bytes))
        }
        Ok(Target::Stdout) => write_all(std::io::stdout().lock(), bytes),
        Ok(Target::Stderr) => write_all(std::io::stderr().lock(), bytes),
        Err(error) => Err(error),
    };
    written.map_err(|error| Error::Data(format!("cannot write {}: {error}", path.shown())))
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// A regular file, there or not, by its own name.
    File(PathBuf),
    /// What only takes bytes, or is open already.
    Stream,
    /// The program's own output to a file. Opened anew, that would be written over by what is printed next.
    Stdout,
    /// The same of its messages.
    Stderr,
}

fn target(path: &Path, kind: Kind) -> IoResult<Target> {
    let is_stream = match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => return Err(IoError::other("it is a folder: give the name of a file")),
        Ok(about) => !about.is_file(),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) => false,
    };
    let mut file = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let place = folder(&file).canonicalize().unwrap_or_default();
        if DESCRIPTORS.iter().any(|descriptors| place.starts_with(descriptors)) {
            let own = Path::new("/proc/self/fd").canonicalize().is_ok_and(|own| own == place);
            return Ok(match file.file_name().and_then(|number| number.to_str()) {
                Some("1") if own => Target::Stdout,
                Some("2") if own => Target::Stderr,
                _ => Target::Stream,
            });
        }
        match std::fs::read_link(&file) {
            Ok(target) if is_stream || kind == Kind::Named => file = folder(&file).join(target),
            _ => return Ok(if is_stream { Target::Stream } else { Target::File(file) }),
        }
    }
    Err(IoError::other("it is a link to a link, and so on"))
}

fn write_all(mut to: impl Write, bytes: &[u8]) -> IoResult<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// The folder that a file lies in.
fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn replace(file: &Path, bytes: &[u8], kind: Kind) -> IoResult<()> {
    let folder = folder(file);
    let about = file.metadata().ok().filter(|_| kind == Kind::Named);
    let permissions = about.map(|about| about.permissions());
    if permissions.as_ref().is_some_and(std::fs::Permissions::readonly) {
        return Err(IoError::new(ErrorKind::PermissionDenied, "it may only be read"));
    }
    clear_remains(folder);
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; this one must be as readable as any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut new = builder.prefix(PREFIX).tempfile_in(folder)?;
    // The system lifts the lock when the program ends, however it ends. Some file systems have none.
    let _ = new.as_file().try_lock();
    new.write_all(bytes)?;
    if let Some(permissions) = permissions {
        new.as_file().set_permissions(permissions)?;
    }
    new.as_file().sync_all()?;
    new.persist(file)?;
    sync_folder(folder)
}

/// What came of waiting for the disk: some file systems have nothing to wait for.
pub(crate) fn can_wait(done: IoResult<()>) -> IoResult<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        done => done,
    }
}

/// Waits until the disk knows a new name in a folder.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> IoResult<()> {
    can_wait(File::open(folder)?.sync_all())
}

/// Elsewhere folders cannot be opened as files, and renaming waits itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> IoResult<()> {
    Ok(())
}

/// Removes what programs that were killed while they wrote have left in a folder.
pub(crate) fn clear_remains(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) && is_left(&entry.path()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether nobody writes a temporary file any more: whoever does has it locked. A link has no lock, and is there
/// for a moment only.
fn is_left(path: &Path) -> bool {
    const MOMENT: Duration = Duration::from_secs(60);
    let Ok(about) = path.symlink_metadata() else { return false };
    if about.is_symlink() {
        return about.modified().is_ok_and(|made| made.elapsed().is_ok_and(|age| age > MOMENT));
    }
    about.is_file() && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
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
        let remains = |name: &str| folder.path().join(format!("{PREFIX}{name}"));
        std::fs::write(remains("a1b2c3"), b"te").unwrap();
        let in_work = File::create(remains("d4e5f6")).unwrap();
        in_work.lock().unwrap();
        std::fs::write(folder.path().join(".new-a1b2c3"), b"another's").unwrap();
        let there = || std::fs::read_dir(folder.path()).unwrap().count();
        write(&path, b"text").unwrap();
        assert_eq!(there(), 3, "what somebody writes is left");
        drop(in_work);
        clear_remains(folder.path());
        assert_eq!(there(), 2);
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("none/file"), b"").unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains("none"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_stay() {
        use std::os::unix::fs::symlink;
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        std::fs::create_dir(at("folder")).unwrap();
        symlink("folder/file", at("link")).unwrap();
        symlink(at("link"), at("second")).unwrap();
        // The file is not there yet, and then it is.
        for (name, bytes) in [("second", b"first"), ("link", b"later")] {
            write_named(&at(name), bytes).unwrap();
            assert_eq!(std::fs::read(at("folder/file")).unwrap(), bytes);
            assert!(at("link").is_symlink() && at("second").is_symlink());
        }
        assert_eq!(parent.path().read_dir().unwrap().count() + at("folder").read_dir().unwrap().count(), 4);
        symlink("loop", at("loop")).unwrap();
        symlink("folder", at("other")).unwrap();
        for (name, words) in [("loop", "links"), ("folder", "it is a folder"), ("other", "it is a folder")] {
            let error = write_named(&at(name), b"").unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(name), "{error}");
        }
        // The program's own file is no link any more, and what it led to stays.
        write(&at("second"), b"own").unwrap();
        assert!(at("second").symlink_metadata().unwrap().is_file());
        assert_eq!(std::fs::read(at("second")).unwrap(), b"own");
        assert_eq!(std::fs::read(at("folder/file")).unwrap(), b"later");
    }

    #[cfg(unix)]
    #[test]
    fn a_named_file_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_named(&path, b"first").unwrap();
        let mode = || path.metadata().unwrap().permissions().mode() & 0o777;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        write_named(&path, b"2nd").unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
        assert!(write_named(&path, b"3rd").unwrap_err().to_string().contains("only be read"));
        assert_eq!((std::fs::read(&path).unwrap(), mode()), (b"2nd".to_vec(), 0o444));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_written_to_and_stays() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("pipe", &link).unwrap();
        for path in [&pipe, &link] {
            let source = pipe.clone();
            let reader = std::thread::spawn(move || std::fs::read(source).unwrap());
            write(path, b"trace").unwrap();
            assert_eq!(reader.join().unwrap(), b"trace");
            assert!(pipe.metadata().unwrap().file_type().is_fifo() && link.is_symlink());
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_open_already_is_added_to() {
        use std::os::fd::AsRawFd;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"before ").unwrap();
        for folder in ["/dev/fd", "/proc/self/fd"] {
            write(&Path::new(folder).join(file.as_raw_fd().to_string()), b"after ").unwrap();
        }
        assert_eq!(std::fs::read(file.path()).unwrap(), b"before after after ");
        assert_eq!(target(Path::new("/dev/null"), Kind::Named).unwrap(), Target::Stream);
        assert_eq!(target(Path::new("/dev/stdout"), Kind::Named).unwrap(), Target::Stdout);
        let error = write(Path::new("/dev/full"), b"x").unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: No space left"), "{error}");
    }
}
