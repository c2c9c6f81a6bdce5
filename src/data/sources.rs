//! Where MNIST is looked for.

use std::path::{Path, PathBuf};

use super::Dataset;
use super::download::download;
use super::folder::{Found, find};
use super::forms;
use super::mnist::{self, MEMBERS};
use crate::escape::Shown;
use crate::{Error, Result};

/// Where the gzipped files are served, in the order in which they are tried.
const MIRRORS: [&str; 3] = [
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://raw.githubusercontent.com/fgnt/mnist/master",
];

/// How the user can make MNIST available.
pub(super) const CURE: &str =
    "To use MNIST, put its four files (raw or .gz) into one folder and name it with --data-dir or MNIST_DIR.";

/// The places to look in, in the order of the fields.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The value of `MNIST_DIR`. If set it must be right: nothing else is tried.
    pub variable: Option<PathBuf>,
    /// Folders that may hold the files.
    pub nearby: Vec<PathBuf>,
    /// The folder that downloaded files are kept in.
    pub cache: Option<PathBuf>,
    /// Addresses that the files are fetched from, without the files' names.
    pub mirrors: Vec<String>,
}

impl Sources {
    /// `$MNIST_DIR`, `./data/mnist`, `./data/MNIST/raw` (where torchvision leaves it), the user's
    /// cache and the public mirrors.
    pub fn usual() -> Self {
        Self {
            variable: std::env::var_os("MNIST_DIR").filter(|value| !value.is_empty()).map(PathBuf::from),
            nearby: vec!["./data/mnist".into(), "./data/MNIST/raw".into()],
            cache: dirs::cache_dir().map(|cache| cache.join("digit-adder").join("mnist")),
            mirrors: MIRRORS.map(String::from).to_vec(),
        }
    }

    /// MNIST from the first place that has it, or an account of where it was looked for.
    ///
    /// # Errors
    /// [`Error::Data`] if a place has it, but wrong: better to stop than to train on something else.
    pub(super) fn search(
        &self,
        may_download: bool,
        say: &mut dyn FnMut(&str),
    ) -> Result<std::result::Result<Dataset, String>> {
        if let Some(folder) = &self.variable {
            return read_folder(folder, "MNIST_DIR's folder", say).map(Ok);
        }
        for folder in &self.nearby {
            match find(folder).1 {
                Found::NoFolder | Found::NotAFolder | Found::Nothing => {}
                _ => return read_folder(folder, "the folder", say).map(Ok),
            }
        }
        if let Some(cache) = &self.cache
            && let (_, Found::All(copies)) = find(cache)
        {
            match mnist::read(cache, &copies, say) {
                Err(wrong) if may_download => say(&format!("{wrong}; fetching it again")),
                result => return result.map(Ok),
            }
        }
        let mut why = self.nowhere();
        match (&self.cache, may_download) {
            (Some(cache), true) => match download(&self.mirrors, cache, say) {
                Ok(()) => {
                    say(&format!("MNIST is now in {}", cache.shown()));
                    return read_folder(cache, "the cache", say).map(Ok);
                }
                Err(failures) => why += &format!(", and it could not be downloaded ({failures})."),
            },
            (None, true) => why += ", and there is no user cache to download it to.",
            (_, false) => why += ", and downloading it was not allowed.",
        }
        Ok(Err(why))
    }

    /// Says where MNIST is not.
    pub(super) fn nowhere(&self) -> String {
        let tried: Vec<String> = self.nearby.iter().chain(&self.cache).map(|folder| folder.shown()).collect();
        format!("MNIST was not found: it is not in {}", tried.join(", "))
    }
}

/// Reads the files of a folder that must have them; `called` is what messages call the folder.
pub(super) fn read_folder(folder: &Path, called: &str, say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    let (folder, found) = find(folder);
    match found {
        Found::All(copies) => mnist::read(&folder, &copies, say),
        other => Err(refusal(&folder, &other, called)),
    }
}

/// What is wrong with a folder that has not all of the files.
pub(super) fn refusal(folder: &Path, found: &Found, called: &str) -> Error {
    let wrong = match found {
        Found::All(_) => "has files that cannot be used".to_owned(),
        Found::NoFolder => "does not exist".to_owned(),
        Found::NotAFolder => "is not a folder".to_owned(),
        Found::Nothing => format!("holds none of {}", names("")),
        Found::Missing(missing) => format!("lacks {}", missing.join(", ")),
    };
    let others = forms::by_name(folder).map_or_else(|| forms::in_folder(folder), |form| vec![form.into()]);
    let cure = if others.is_empty() {
        String::new()
    } else {
        format!(". Not read: {}. Get {} from {} instead", others.join(", "), names(".gz"), MIRRORS[0])
    };
    Error::Data(format!(
        "{called} {} {wrong}: it must hold MNIST's four files, raw or .gz{cure}",
        folder.shown()
    ))
}

/// The files' names, with this ending.
fn names(ending: &str) -> String {
    MEMBERS.each_ref().map(|member| format!("{}{ending}", member.name)).join(", ")
}
