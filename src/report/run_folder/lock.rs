//! One training at a time in a folder.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use super::cannot;
use crate::escape::Shown;
use crate::{Error, Result};

/// A lock on a folder, which the system lifts when the program ends, however it ends.
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file lifts the lock")] File);

impl Lock {
    /// Locks a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where another training has it; [`Error::Data`] where it cannot be written to.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(".lock");
        // Nothing that is there is emptied, and a pipe that is opened both ways is not waited for.
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| cannot("create", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(Self(file)),
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
            Err(TryLockError::WouldBlock) => {
                Err(Error::Usage(format!("another training is running in {}", folder.shown())))
            }
        }
    }
}
