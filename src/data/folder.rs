//! What a folder holds of MNIST, whichever way its files were unpacked.

use std::path::{Path, PathBuf};

use super::mnist::{MEMBERS, Member};

/// What is in a folder.
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
    /// For each of [`MEMBERS`], all that may be it, best first.
    All([Vec<PathBuf>; 4]),
}

/// The folder that has the files and what it holds: `folder` itself, unless only one below it, where
/// torchvision leaves them, has any.
pub(super) fn find(folder: &Path) -> (PathBuf, Found) {
    let raw = folder.join("MNIST").join("raw");
    let mut places = [folder.to_path_buf(), raw, folder.join("raw")].map(|place| {
        let found = look(&place);
        (place, found)
    });
    // Stable, so that of equals the folder itself stays in front.
    places.sort_by_key(|(_, found)| match found {
        Found::All(_) => 0,
        Found::Missing(_) => 1,
        _ => 2,
    });
    let [first, ..] = places;
    first
}

/// Looks for the four files, by name only.
fn look(folder: &Path) -> Found {
    if !folder.exists() {
        return Found::NoFolder;
    }
    if !folder.is_dir() {
        return Found::NotAFolder;
    }
    let copies = MEMBERS.each_ref().map(|member| copies(member, folder));
    if copies.iter().all(Vec::is_empty) {
        return Found::Nothing;
    }
    let missing: Vec<_> =
        MEMBERS.iter().zip(&copies).filter(|(_, copies)| copies.is_empty()).map(|(m, _)| m.name).collect();
    if missing.is_empty() { Found::All(copies) } else { Found::Missing(missing) }
}

/// All that may be this file: raw before gzipped, and either in the folder before in one of the file's
/// name, as Kaggle and some archivers unpack it.
pub(super) fn copies(member: &Member, folder: &Path) -> Vec<PathBuf> {
    let names = [member.name.to_owned(), member.name.replacen("-idx", ".idx", 1)];
    let folders = [folder.to_path_buf(), folder.join(&names[0]), folder.join(&names[1])];
    ["", ".gz"]
        .iter()
        .flat_map(|ending| names.iter().map(move |name| format!("{name}{ending}")))
        .flat_map(|name| folders.iter().map(move |folder| folder.join(&name)))
        .filter(|path| path.is_file())
        .collect()
}
