//! MNIST's four files: whether they are sound, and what they hold.
//!
//! Each file is read once, checked ([`idx::check`]), and what follows its header is the images or the
//! labels. The `mnist` crate cannot decode bytes that are in memory: it opens files itself, raw ones only,
//! and panics, or silently mixes up images, on anything odd. So only the tests use it, as a second opinion.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::idx::{self, Content};
use super::{Dataset, Split};
use crate::escape::Shown;
use crate::{Error, Result};

/// One of MNIST's files.
#[derive(Debug)]
pub struct Member {
    /// Its name, raw.
    pub name: &'static str,
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
        content: Content::Images,
        count: 60_000,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    Member {
        name: "train-labels-idx1-ubyte",
        content: Content::Labels,
        count: 60_000,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    Member {
        name: "t10k-images-idx3-ubyte",
        content: Content::Images,
        count: 10_000,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    Member {
        name: "t10k-labels-idx1-ubyte",
        content: Content::Labels,
        count: 10_000,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

/// SHA-256 over all parts, one after another, in lowercase hexadecimal digits.
pub fn sha256(parts: &[impl AsRef<[u8]>]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Digest::chain_update);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the four files of `folder`, of each the first of its copies that is sound. Sound files that are
/// not MNIST's own (Fashion-MNIST, say, or a set of the user's) are accepted too; `say` receives a note about
/// those, and about copies that were passed over.
///
/// # Errors
/// [`Error::Data`] naming the file that is malformed or cannot be read.
pub(super) fn read(folder: &Path, copies: &[Vec<PathBuf>; 4], say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    let read = |(member, copies): (&Member, &Vec<PathBuf>)| first_sound(member, copies);
    let (files, notes): (Vec<Vec<u8>>, Vec<Option<String>>) =
        MEMBERS.par_iter().zip(copies).map(read).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    notes.iter().flatten().for_each(|note| say(note));
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
            folder.shown()
        ));
    }
    let mut values = MEMBERS.iter().zip(files).map(|(member, mut bytes)| {
        bytes.drain(..member.content.header());
        bytes
    });
    let mut split = || Split::new(values.next().unwrap_or_default(), values.next().unwrap_or_default());
    Ok(Dataset {
        origin: format!("{name} from {}", folder.shown()),
        train: split()?,
        validation: Split::default(),
        test: split()?,
    })
}

/// The first of a file's copies that is sound, and a note if there is a broken one before it.
fn first_sound(member: &Member, copies: &[PathBuf]) -> Result<(Vec<u8>, Option<String>)> {
    let mut broken = Vec::new();
    for path in copies {
        match idx::read(path, member.content, member.count) {
            Ok(bytes) if broken.is_empty() => return Ok((bytes, None)),
            Ok(bytes) => {
                let note =
                    format!("note: using {}, as another copy is broken: {}", path.shown(), broken.join("; "));
                return Ok((bytes, Some(note)));
            }
            Err(error) => broken.push(error.to_string()),
        }
    }
    Err(Error::Data(broken.join("; ")))
}
