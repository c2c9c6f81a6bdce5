//! MNIST's four files in a folder: which are there, whether they are sound, and their content by way
//! of the `mnist` crate.
//!
//! That crate reads raw files only and panics, or silently mixes up images, on anything odd. So each
//! file is checked here first ([`idx::check`]), gzipped ones are unpacked into a temporary folder,
//! and the crate is only ever asked for all 60,000 training and 10,000 test images.

use std::fs;
use std::path::{Path, PathBuf};

use ::mnist::{Mnist, MnistBuilder};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::idx::{self, Content};
use super::{Dataset, Split};
use crate::{Error, Result};

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

/// SHA-256 in lowercase hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a folder holds of MNIST.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It is not there.
    NoFolder,
    /// Something of that name is there, but it is no folder.
    NotAFolder,
    /// None of the files.
    Nothing,
    /// Some of the files; these are missing.
    Missing(Vec<&'static str>),
    /// A path for each of [`MEMBERS`].
    All([PathBuf; 4]),
}

/// Looks for the four files in a folder, by name only.
pub fn find(folder: &Path) -> Found {
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
/// (Fashion-MNIST, say, or a set of the user's) are taken too, and `say` is told.
///
/// # Errors
/// [`Error::Data`] naming the file that is malformed or cannot be unpacked.
pub fn read(folder: &Path, paths: [PathBuf; 4], say: &mut dyn FnMut(&str)) -> Result<Dataset> {
    // Only gzipped files need it, so only they complain if there is none.
    let spare = TempDir::with_prefix("digit-adder-").map_err(|e| e.to_string());
    let checked: Vec<(String, bool)> = MEMBERS
        .par_iter()
        .zip(&paths)
        .map(|(member, path)| check_and_unpack(member, path, spare.as_ref()))
        .collect::<Result<_>>()?;
    let foreign: Vec<&str> =
        MEMBERS.iter().zip(&checked).filter(|(_, (_, official))| !official).map(|(m, _)| m.name).collect();
    let name = if foreign.is_empty() { "MNIST" } else { "A data set in MNIST's format" };
    if !foreign.is_empty() {
        say(&format!(
            "note: sound files, but not MNIST's own (another SHA-256): {} in {}; taken as they are",
            foreign.join(", "),
            folder.display()
        ));
    }
    let mut builder = MnistBuilder::new();
    // An absolute file name overrides the base path, so raw files are read where they lie.
    builder.training_images_filename(&checked[0].0).training_labels_filename(&checked[1].0);
    builder.test_images_filename(&checked[2].0).test_labels_filename(&checked[3].0);
    builder.base_path("").label_format_digit();
    builder.training_set_length(60_000).validation_set_length(0).test_set_length(10_000);
    let Mnist { trn_img, trn_lbl, tst_img, tst_lbl, .. } = builder.finalize();
    Ok(Dataset {
        origin: format!("{name} from {}", folder.display()),
        train: Split { images: trn_img, labels: trn_lbl },
        test: Split { images: tst_img, labels: tst_lbl },
    })
}

/// Checks a file and returns where it lies raw (itself, or a copy in `spare` if it is gzipped) and
/// whether it is MNIST's own.
fn check_and_unpack(
    member: &Member,
    path: &Path,
    spare: std::result::Result<&TempDir, &String>,
) -> Result<(String, bool)> {
    let bytes = idx::read(path, member.content, member.count)?;
    let official = sha256(&bytes) == member.sha256;
    let raw = fs::metadata(path).is_ok_and(|file| file.len() == bytes.len() as u64);
    // The crate takes names as text only: a path that is none is copied like a gzipped file.
    if let (true, Some(text)) = (raw, path.to_str()) {
        return Ok((text.to_owned(), official));
    }
    let fail = |why: &str| {
        Error::Data(format!("{} cannot be unpacked to a temporary folder: {why}", path.display()))
    };
    let copy = spare.map_err(|e| fail(e))?.path().join(member.name);
    fs::write(&copy, &bytes).map_err(|e| fail(&e.to_string()))?;
    let text = copy.to_str().ok_or_else(|| fail("its path is not UTF-8"))?;
    Ok((text.to_owned(), official))
}
