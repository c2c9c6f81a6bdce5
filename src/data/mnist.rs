//! MNIST's four files in a folder: which are there, whether they are sound, and what they hold.
//!
//! Each file is read once, checked ([`idx::check`]), and what follows its header is the images or the
//! labels. The `mnist` crate cannot decode bytes that are in memory: it opens files itself, raw ones only,
//! and panics, or silently mixes up images, on anything odd. So only the tests use it, as a second opinion.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::idx::{self, Content};
use super::{Dataset, Split};
use crate::Result;

/// One of MNIST's files.
#[derive(Debug)]
pub struct Member {
    /// Its name, raw.
    pub name: &'static str,
    /// Its name as some archives spell it.
    dotted: &'static str,
    /// What it holds.
    pub content: Content,
    /// How many.
    pub count: usize,
    /// SHA-256 of the official file's raw bytes.
    pub sha256: &'static str,
}

/// The four files: training images and labels, test images and labels.
pub const MEMBERS: [Member; 4] = [
    Member {
        name: "train-images-idx3-ubyte",
        dotted: "train-images.idx3-ubyte",
        content: Content::Images,
        count: 60_000,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    Member {
        name: "train-labels-idx1-ubyte",
        dotted: "train-labels.idx1-ubyte",
        content: Content::Labels,
        count: 60_000,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    Member {
        name: "t10k-images-idx3-ubyte",
        dotted: "t10k-images.idx3-ubyte",
        content: Content::Images,
        count: 10_000,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    Member {
        name: "t10k-labels-idx1-ubyte",
        dotted: "t10k-labels.idx1-ubyte",
        content: Content::Labels,
        count: 10_000,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

impl Member {
    /// Where this file is in a folder, in any of its spellings, raw before gzipped.
    fn in_folder(&self, folder: &Path) -> Option<PathBuf> {
        let gzipped = |name: &str| format!("{name}.gz");
        [self.name.into(), self.dotted.into(), gzipped(self.name), gzipped(self.dotted)]
            .into_iter()
            .map(|name: String| folder.join(name))
            .find(|path| path.is_file())
    }
}

/// SHA-256 over all parts, one after another, in lowercase hexadecimal digits.
pub fn sha256(parts: &[impl AsRef<[u8]>]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Digest::chain_update);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a folder holds of MNIST.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is not there.
    NoFolder,
    /// Something of that name is there, but it is not a folder.
    NotAFolder,
    /// None of the files.
    Nothing,
    /// Some of the files; these are missing.
    Missing(Vec<&'static str>),
    /// A path for each of [`MEMBERS`].
    All([PathBuf; 4]),
}

/// Looks for the four files in a folder, by name only.
pub(super) fn find(folder: &Path) -> Found {
    if !folder.exists() {
        return Found::NoFolder;
    }
    if !folder.is_dir() {
        return Found::NotAFolder;
    }
    let paths = MEMBERS.each_ref().map(|member| member.in_folder(folder));
    match paths {
        [Some(a), Some(b), Some(c), Some(d)] => Found::All([a, b, c, d]),
        [None, None, None, None] => Found::Nothing,
        some => {
            let missing = MEMBERS.iter().zip(&some).filter(|(_, path)| path.is_none());
            Found::Missing(missing.map(|(member, _)| member.name).collect())
        }
    }
}

/// Reads the four files of `folder`, found at `paths`. Sound files that are not MNIST's own
/// (Fashion-MNIST, say, or a set of the user's) are accepted too, and `say` receives a note.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) naming the file that is malformed or cannot be read.
pub(super) fn read(folder: &Path, paths: &[PathBuf; 4], say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    let read = |(member, path): (&Member, &PathBuf)| idx::read(path, member.content, member.count);
    let files: Vec<Vec<u8>> = MEMBERS.par_iter().zip(paths).map(read).collect::<Result<_>>()?;
    let foreign: Vec<&str> = MEMBERS
        .par_iter()
        .zip(&files)
        .filter(|(member, bytes)| sha256(&[bytes]) != member.sha256)
        .map(|(member, _)| member.name)
        .collect();
    let name = if foreign.is_empty() { "MNIST" } else { "A data set in MNIST's format" };
    if !foreign.is_empty() {
        say(&format!(
            "note: sound files, but not MNIST's own (their SHA-256 differs): {} in {}; used as they are",
            foreign.join(", "),
            folder.display()
        ));
    }
    let mut values = MEMBERS.iter().zip(files).map(|(member, mut bytes)| {
        bytes.drain(..member.content.header());
        bytes
    });
    let mut split = || Split::new(values.next().unwrap_or_default(), values.next().unwrap_or_default());
    Ok(Dataset { origin: format!("{name} from {}", folder.display()), train: split()?, test: split()? })
}
