//! Checks whether the shaders in a folder have changed.
//!
//! The files are read and compared again and again. The system's notifications could not be
//! trusted anyway: they do not come over network drives, come in bursts, and follow the old file where
//! an editor saves a new one under the same name. Times and sizes miss a second save within one tick of the
//! file system's clock. All files together are some sixty kilobytes and take a fraction of a millisecond.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::library::{SHADERS, Texts};
use crate::escape::Shown;
use crate::{Error, Result, bounded};

/// Time from one look to the next.
const EVERY: Duration = Duration::from_millis(50);

/// How long the files must stay as they are: a burst of saves, or a file that is written in parts, is one
/// change.
const SETTLED: Duration = Duration::from_millis(100);

/// How long they may change without rest before the user is told that they are waited for.
const RESTLESS: Duration = Duration::from_secs(1);

/// In bytes. Ours have a few thousand.
const MOST: u64 = 1_000_000;

/// What a file holds, or why its text cannot be read.
pub type File = std::result::Result<String, String>;

/// A folder of shaders under watch.
pub struct Watch {
    folder: PathBuf,
    /// In the order of [`SHADERS`].
    files: Vec<File>,
    looked: Instant,
    /// Since when the files have been as they are, if that has not been reported.
    news: Option<Instant>,
    /// Since when they have not been as they are for long enough, and whether the user knows.
    restless: Option<(Instant, bool)>,
    say: Box<dyn FnMut(&str) + Send>,
}

impl Watch {
    /// Watches `folder`; `say` receives every reload, and why one failed.
    ///
    /// # Errors
    /// [`Error::Usage`] when the folder or a shader of the program is missing.
    pub fn new(folder: &Path, say: impl FnMut(&str) + Send + 'static) -> Result<Self> {
        let no_folder = |reason: String| {
            let (folder, here) = (folder.shown(), std::env::current_dir().unwrap_or_default());
            Error::Usage(format!(
                "no shaders can be taken from {folder} (relative to {}): {reason}. \
                 Name the folder with --shader-dir",
                here.shown()
            ))
        };
        // Links in it stay as they are, so that one which is later pointed elsewhere is followed.
        let folder = std::path::absolute(folder).map_err(|error| no_folder(error.to_string()))?;
        if !folder.metadata().map_err(|error| no_folder(error.to_string()))?.is_dir() {
            return Err(no_folder("it is not a folder".into()));
        }
        let files = read(&folder);
        for (shader, file) in SHADERS.iter().zip(&files) {
            if let Err(reason) = file {
                return Err(Error::Usage(format!(
                    "{} {reason}: the folder must hold all shaders of the program, as `shaders` does",
                    folder.join(shader.path).shown()
                )));
            }
        }
        Ok(Self { folder, files, looked: Instant::now(), news: None, restless: None, say: Box::new(say) })
    }

    /// The folder's absolute path, in which links are not resolved.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The shaders' texts, as far as they could be read at the last look.
    pub fn texts(&self) -> Texts {
        self.files().filter_map(|(name, file)| Some((name, file.as_ref().ok()?.clone()))).collect()
    }

    /// What the files held at the last look.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &File)> {
        SHADERS.iter().map(|shader| shader.name).zip(&self.files)
    }

    /// Whether there is something new that has settled. Looks only now and then, however often it is called.
    pub fn look(&mut self) -> bool {
        if self.looked.elapsed() < EVERY {
            return false;
        }
        let files = read(&self.folder);
        self.looked = Instant::now();
        if files != self.files {
            let before = std::mem::replace(&mut self.files, files);
            self.news = Some(self.looked);
            self.tell_unrest(&before);
        }
        let settled = self.news.is_some_and(|since| since.elapsed() >= SETTLED);
        if settled {
            (self.news, self.restless) = (None, None);
        }
        settled
    }

    /// Says once what keeps changing: silence would look as if the change had been missed.
    fn tell_unrest(&mut self, before: &[File]) {
        let (since, told) = self.restless.get_or_insert((self.looked, false));
        if *told || since.elapsed() < RESTLESS {
            return;
        }
        *told = true;
        let changing =
            SHADERS.iter().zip(self.files.iter().zip(before)).filter(|(_, (now, then))| now != then);
        let changing: Vec<&str> = changing.map(|(shader, _)| shader.path).collect();
        self.say(&format!(
            "waiting for {}, which keeps changing: its text is taken once it stays the same for {} ms",
            changing.join(", "),
            SETTLED.as_millis()
        ));
    }

    /// Reports to the user.
    pub fn say(&mut self, message: &str) {
        (self.say)(message);
    }
}

fn read(folder: &Path) -> Vec<File> {
    let file = |path: &str| {
        let bytes = bounded::read_regular(&folder.join(path), MOST).map_err(|error| match error.kind() {
            ErrorKind::NotFound => "is gone".to_string(),
            _ => format!("cannot be read ({error})"),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_string())?;
        // Some editors on Windows mark the start of a file, which WGSL does not know.
        Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
    };
    SHADERS.iter().map(|shader| file(shader.path)).collect()
}
