//! Other forms in which MNIST is passed around. They are not read, but told by name.

use std::path::Path;

use crate::escape::Shown;

/// By the ending of a file's name.
const FORMS: [(&str, &str); 5] = [
    ("csv", "CSV"),
    ("npz", "a NumPy archive"),
    ("npy", "a NumPy array"),
    ("parquet", "Parquet"),
    ("zip", "a zip archive"),
];

/// The form of a file of this name, if it is one of these.
pub(super) fn by_name(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?;
    FORMS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known)).map(|(_, form)| *form)
}

/// The form of a file that starts with these bytes, if it is known.
pub(super) fn by_start(bytes: &[u8]) -> Option<&'static str> {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let values =
        line.starts_with(b"label,") || line.iter().all(|b| b.is_ascii_digit() || b", \r".contains(b));
    match bytes {
        [b'P', b'K', ..] => Some("a zip or npz archive"),
        [0x93, b'N', b'U', b'M', ..] => Some("a NumPy array"),
        [b'P', b'A', b'R', b'1', ..] => Some("Parquet"),
        [b'<', ..] => Some("a web page"),
        _ if values && line.contains(&b',') => Some("CSV"),
        _ => None,
    }
}

/// The files of a folder that have one of these forms, such as `train.csv (CSV)`.
pub(super) fn in_folder(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<String> = entries
        .filter_map(|entry| {
            let form = by_name(&entry.path())?;
            Some(format!("{} ({form})", entry.file_name().shown()))
        })
        .collect();
    files.sort();
    files.truncate(4);
    files
}
