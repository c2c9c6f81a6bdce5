//! Hot reload: watches a folder of shaders and tells which have changed.
//!
//! The swap itself is a transaction of the engine: all plans get kernels of the new text, or all keep
//! their old ones and the user is told why.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::shader::{EMBEDDED, Library};
use crate::{Error, Result};

/// What tells one state of a file from another: when it was written, and its size.
type Stamp = Option<(SystemTime, u64)>;

/// A folder of shaders under watch.
pub struct Watch {
    folder: PathBuf,
    seen: Vec<Stamp>,
    say: Box<dyn FnMut(&str)>,
}

impl Watch {
    /// Watches `folder`; `say` is told of every reload, and why one failed.
    ///
    /// # Errors
    /// [`Error::Usage`] when a shader of the program is missing there.
    pub fn new(folder: &Path, say: impl FnMut(&str) + 'static) -> Result<Self> {
        for (name, _) in EMBEDDED {
            let path = Library::path(folder, name);
            if !path.is_file() {
                return Err(Error::Usage(format!(
                    "{} is missing: a watched folder holds all shaders of the program, as `shaders` does",
                    path.display()
                )));
            }
        }
        Ok(Self { folder: folder.into(), seen: stamps(folder), say: Box::new(say) })
    }

    /// The folder's shaders.
    pub fn library(&self) -> Library {
        Library::Folder(self.folder.clone())
    }

    /// The shaders that have changed since the last look.
    pub fn changed(&mut self) -> Vec<&'static str> {
        let now = stamps(&self.folder);
        let names = EMBEDDED.iter().map(|(name, _)| *name);
        let changed = names.zip(now.iter().zip(&self.seen)).filter(|(_, (now, seen))| now != seen);
        let changed = changed.map(|(name, _)| name).collect();
        self.seen = now;
        changed
    }

    /// Tells the user.
    pub fn say(&mut self, message: &str) {
        (self.say)(message);
    }
}

fn stamps(folder: &Path) -> Vec<Stamp> {
    let stamp = |name: &str| {
        let metadata = std::fs::metadata(Library::path(folder, name)).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    EMBEDDED.iter().map(|(name, _)| stamp(name)).collect()
}
