//! The pictures that a command line names: files, folders of them, and the standard input.

use std::path::{Path, PathBuf};

use crate::data::picture::{self, Prepared};
use crate::escape::Shown;
use crate::{Error, Result, bounded};

/// The standard input in place of a file.
const STDIN: &str = "-";

/// Reads the picture of a path, or the standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Prepared> {
    if path == Path::new(STDIN) {
        return picture::from_reader("standard input", std::io::stdin().lock());
    }
    picture::read(path)
}

/// Whether there is something to read, or nobody may know.
pub(super) fn is_there(path: &Path) -> bool {
    path == Path::new(STDIN) || path.try_exists().unwrap_or(true)
}

/// The files that are meant, those of a folder by name. Hidden files and files that are no pictures are left
/// out of a folder, and `say` receives how many.
pub(super) fn listed(paths: &[PathBuf], say: &mut dyn FnMut(&str)) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            all.extend(in_folder(path, say)?);
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

fn in_folder(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Vec<PathBuf>> {
    let wrong = |error: std::io::Error| Error::Data(format!("{}: {error}", folder.shown()));
    let entries =
        std::fs::read_dir(folder).map_err(wrong)?.collect::<std::io::Result<Vec<_>>>().map_err(wrong)?;
    let hidden = |entry: &std::fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
    let mut files: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| !hidden(entry))
        .map(std::fs::DirEntry::path)
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let found = files.len();
    files.retain(|path| is_picture(path));
    match (found - files.len(), files.is_empty()) {
        (_, true) => return Err(Error::Data(format!("{}: holds no pictures", folder.shown()))),
        (0, _) => {}
        (1, _) => say(&format!("{}: 1 file is not a picture and is left out", folder.shown())),
        (n, _) => say(&format!("{}: {n} files are not pictures and are left out", folder.shown())),
    }
    Ok(files)
}

/// A file that cannot be opened is kept, so that reading it names the error.
fn is_picture(path: &Path) -> bool {
    bounded::start(path, 1024).map_or(true, |start| picture::is_picture(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_pictures() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files: [(&str, &[u8]); 5] = [
            ("b.dat", b"\x89PNG\r\n\x1a\n"),
            ("a.heic", b"\0\0\0\x18ftypheic"),
            ("labels.tsv", b"a\t7\n"),
            ("empty.png", b""),
            (".hidden.png", b"\x89PNG\r\n\x1a\n"),
        ];
        for (name, content) in files {
            std::fs::write(path(name), content).unwrap();
        }
        let mut said = Vec::new();
        let mut say = |text: &str| said.push(text.to_string());
        let listed = listed(&[path("labels.tsv"), folder.path().to_path_buf()], &mut say).unwrap();
        // A foreign kind is named when it is read; a file that is named is never left out.
        assert_eq!(listed, [path("labels.tsv"), path("a.heic"), path("b.dat")]);
        assert!(
            said.len() == 1 && said[0].ends_with("2 files are not pictures and are left out"),
            "{said:?}"
        );
        let none = tempfile::TempDir::new().unwrap();
        let error = super::listed(&[none.path().to_path_buf()], &mut |_| {}).unwrap_err().to_string();
        assert!(error.ends_with("holds no pictures"), "{error}");
    }
}
