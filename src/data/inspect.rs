//! MNIST without training: where it is, whether it is right, and fetching it.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::download::download;
use super::folder::{Found, copies, find};
use super::idx::{self, Content};
use super::mnist::{MEMBERS, Member, sha256};
use super::sources::{CURE, Sources, refusal};
use crate::escape::Shown;
use crate::{Error, Result};

/// What is known of one of MNIST's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its official name, raw.
    pub name: &'static str,
    /// What it must hold, such as `60000 images`.
    pub content: String,
    /// The file that is used; where all are broken, the first of them; `None` where there is none.
    pub path: Option<PathBuf>,
    /// Its size in bytes, as it lies there.
    pub bytes: Option<u64>,
    /// SHA-256 of its raw bytes, where they are sound.
    pub sha256: Option<String>,
    /// Whether that is the official file's.
    pub official: bool,
    /// What is wrong with it; with other copies of it where it is sound itself.
    pub problems: Vec<String>,
}

impl Checked {
    /// Whether it can be trained on.
    pub fn is_sound(&self) -> bool {
        self.sha256.is_some()
    }
}

/// Whether a fetch was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Some files were downloaded.
    Now,
    /// All were there, and right.
    Before,
}

/// The folder that `train` would read MNIST from: `data_dir`, or the first of the places that has files.
///
/// # Errors
/// [`Error::Data`] where there is none, or where the first that has files has not all of them.
pub fn place(sources: &Sources, data_dir: Option<&Path>) -> Result<PathBuf> {
    let (folder, called) = candidate(sources, data_dir)?;
    let (folder, found) = find(&folder);
    match found {
        Found::All(_) => Ok(folder),
        other => Err(refusal(&folder, &other, called)),
    }
}

/// The folder that `train` would look into, and what messages call it.
fn candidate(sources: &Sources, data_dir: Option<&Path>) -> Result<(PathBuf, &'static str)> {
    if let Some(folder) = data_dir {
        return Ok((folder.into(), "the data folder"));
    }
    if let Some(folder) = &sources.variable {
        return Ok((folder.clone(), "MNIST_DIR's folder"));
    }
    for folder in &sources.nearby {
        if matches!(find(folder).1, Found::Missing(_) | Found::All(_)) {
            return Ok((folder.clone(), "the folder"));
        }
    }
    match &sources.cache {
        Some(cache) if matches!(find(cache).1, Found::All(_)) => Ok((cache.clone(), "the cache")),
        _ => {
            Err(Error::Data(format!("{}. `digit-adder data fetch` downloads it.\n{CURE}", sources.nowhere())))
        }
    }
}

/// Checks the four files of the folder that `train` would use, each by itself. All of them are sound if it
/// could train on them.
///
/// # Errors
/// [`Error::Data`] where there is no folder with any of the files.
pub fn verify(sources: &Sources, data_dir: Option<&Path>) -> Result<(PathBuf, [Checked; 4])> {
    let (folder, called) = candidate(sources, data_dir)?;
    let (folder, found) = find(&folder);
    match found {
        Found::All(_) | Found::Missing(_) => Ok((folder.clone(), check(&folder))),
        other => Err(refusal(&folder, &other, called)),
    }
}

fn check(folder: &Path) -> [Checked; 4] {
    let mut checked = MEMBERS.each_ref().map(nothing);
    checked.par_iter_mut().zip(&MEMBERS).for_each(|(checked, member)| {
        let copies = copies(member, folder);
        checked.path = copies.first().cloned();
        for path in copies {
            match idx::read(&path, member.content, member.count) {
                Ok(bytes) => {
                    let hash = sha256(&[bytes]);
                    checked.official = hash == member.sha256;
                    checked.sha256 = Some(hash);
                    checked.path = Some(path);
                    break;
                }
                Err(error) => checked.problems.push(error.to_string()),
            }
        }
        if checked.path.is_none() {
            checked.problems.push(format!("it is missing in {}", folder.shown()));
        }
        let about = checked.path.as_ref().and_then(|path| std::fs::metadata(path).ok());
        checked.bytes = about.map(|about| about.len());
    });
    checked
}

/// Before anything is known.
fn nothing(member: &Member) -> Checked {
    let what = if member.content == Content::Images { "images" } else { "labels" };
    Checked {
        name: member.name,
        content: format!("{} {what}", member.count),
        path: None,
        bytes: None,
        sha256: None,
        official: false,
        problems: Vec::new(),
    }
}

/// Downloads MNIST into `data_dir`, or into the user's cache, unless it is there. Files that are broken are
/// replaced.
///
/// # Errors
/// [`Error::Data`] where there is no folder, where it holds another data set, which is left alone, and where
/// no mirror has the files.
pub fn fetch(
    sources: &Sources,
    data_dir: Option<&Path>,
    say: &mut dyn FnMut(&str),
) -> Result<(PathBuf, Fetched)> {
    let folder = data_dir.or(sources.cache.as_deref()).ok_or_else(|| {
        Error::Data("there is no user cache to download MNIST to: name a folder with --data-dir".into())
    })?;
    let wrong = |what: String| Error::Data(format!("{}: {what}", folder.shown()));
    let (place, found) = find(folder);
    if found == Found::NotAFolder {
        return Err(wrong("is not a folder".into()));
    }
    let checked = check(&place);
    if checked.iter().all(|file| file.official) {
        return Ok((place, Fetched::Before));
    }
    let foreign = |file: &&Checked| file.is_sound() && !file.official;
    if let Some(path) = checked.iter().find(foreign).and_then(|file| file.path.as_ref()) {
        return Err(Error::Data(format!(
            "{} is sound, but not MNIST's own: it is not replaced. Name another folder with --data-dir",
            path.shown()
        )));
    }
    download(&sources.mirrors, folder, say)
        .map_err(|failures| wrong(format!("MNIST could not be downloaded ({failures})")))?;
    Ok((folder.into(), Fetched::Now))
}
