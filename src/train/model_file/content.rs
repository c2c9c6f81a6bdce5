//! What a file holds, told from its first bytes and not from its name.

use std::io::ErrorKind;
use std::path::Path;

use crate::bounded;
use crate::escape::Shown;

/// In bytes. Files larger than this hold something else.
const MAX: u64 = 64_000_000;

/// In bytes. A longer header names so many tensors that reading them takes a gigabyte.
const MAX_HEADER: u64 = 1_000_000;

/// Reads a file that may be safetensors.
///
/// # Errors
///
/// What it is instead, and the cure.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    if path.is_dir() {
        return Err(folder(path));
    }
    let bytes = bounded::read(path, MAX).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => too_large(path, &error),
        _ => error.to_string(),
    })?;
    check(&bytes, path)?;
    Ok(bytes)
}

/// What is wrong with a file that is too large: what it is, where its first bytes say so.
fn too_large(path: &Path, error: &std::io::Error) -> String {
    // Of a pipe they are gone.
    let start = if path.is_file() { bounded::start(path, 1024).unwrap_or_default() } else { Vec::new() };
    let other = (!start.is_empty()).then(|| other_than_safetensors(&start, path)).flatten();
    other.unwrap_or_else(|| {
        format!("{error}, so it holds no weights of this network: give a run's last.safetensors")
    })
}

/// Refuses what is no file of weights, as far as its first bytes say.
///
/// # Errors
///
/// As [`read`].
pub(super) fn check(bytes: &[u8], path: &Path) -> Result<(), String> {
    if let Some(other) = other_than_safetensors(bytes, path) {
        return Err(other);
    }
    let header = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    if (MAX_HEADER..=MAX).contains(&header) {
        return Err(format!(
            "has a header of {header} bytes, so it holds no weights of this network: give a run's last.safetensors"
        ));
    }
    Ok(())
}

/// Whether a file that starts like this holds weights, be it of a kind that is read or not.
pub(super) fn is_weights(start: &[u8]) -> bool {
    is_safetensors(start) || is_pytorch(start)
}

fn is_safetensors(start: &[u8]) -> bool {
    start.get(8) == Some(&b'{') && start[4..8] == [0; 4]
}

fn is_pytorch(start: &[u8]) -> bool {
    matches!(start, [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..])
}

fn folder(path: &Path) -> String {
    let models = ["best.safetensors", "last.safetensors", "model.safetensors"].map(|name| path.join(name));
    match models.iter().find(|model| model.is_file()) {
        Some(model) => format!("is a folder, and no run's: give the file in it, {}", model.shown()),
        None => "is a folder, and no run's: give a run, or a file of weights".into(),
    }
}

/// What a file is that is known and not safetensors.
fn other_than_safetensors(bytes: &[u8], path: &Path) -> Option<String> {
    // The length of a safetensors header, which comes first, can look like the start of a pickle.
    if is_safetensors(bytes) {
        return None;
    }
    let path = path.shown();
    Some(match bytes {
        [] => "is empty: copy or download it again".into(),
        start if is_pytorch(start) => format!(
            "is a PyTorch file: convert its state_dict in Python with `import torch, safetensors.torch; \
             state_dict = torch.load(r'{path}', map_location='cpu'); \
             safetensors.torch.save_file(state_dict, 'model.safetensors')`"
        ),
        [0x1f, 0x8b, ..] => {
            format!("is compressed with gzip: unpack it with `gunzip < {path} > model.safetensors`")
        }
        text if text.starts_with(b"version https://git-lfs") => {
            "is a Git LFS pointer, not the weights themselves: fetch them with `git lfs pull`".into()
        }
        text if is_html(text) => "is a web page: download the file that the page shows, not the page".into(),
        _ => return None,
    })
}

fn is_html(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii_start();
    let starts =
        |tag: &str| text.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag.as_bytes()));
    starts("<!doctype html") || starts("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> Option<String> {
        other_than_safetensors(bytes, Path::new("weights"))
    }

    #[test]
    fn known_kinds_are_named_with_their_cure() {
        for (bytes, kind, cure) in [
            (&b""[..], "empty", "download it again"),
            (b"PK\x03\x04\0\0model/data.pkl", "PyTorch", "torch.load(r'weights', map_location='cpu')"),
            (
                b"\x80\x02\x8a\nl\xfc\x9cF",
                "PyTorch",
                "safetensors.torch.save_file(state_dict, 'model.safetensors')",
            ),
            (b"\x1f\x8b\x08\0", "gzip", "gunzip < weights"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "git lfs pull"),
            (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "web page", "download the file"),
            (b"<HTML lang=en>", "web page", "download the file"),
        ] {
            let message = told(bytes).unwrap();
            assert!(message.contains(kind) && message.contains(cure), "{message}");
        }
    }

    #[test]
    fn a_header_whose_length_looks_like_another_kind_is_safetensors() {
        for start in [*b"\x80\x02\0\0\0\0\0\0{", *b"\x1f\x8b\x08\0\0\0\0\0{"] {
            assert_eq!(told(&start), None);
            assert!(is_weights(&start));
        }
        assert_eq!(told(b"<"), None);
        assert!(is_weights(b"PK\x03\x04") && !is_weights(b"\x89PNG\r\n\x1a\n{") && !is_weights(b""));
    }

    #[test]
    fn a_folder_names_the_file_to_give() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().contains("give a run, or a file of weights"));
        let model = folder.path().join("model.safetensors");
        std::fs::write(&model, b"x").unwrap();
        assert!(read(folder.path()).unwrap_err().contains(&model.display().to_string()));
    }

    #[test]
    fn no_more_than_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::File::create(&path).unwrap().set_len(MAX + 1).unwrap();
        assert!(read(&path).unwrap_err().contains("more than 64 MB, the most that is read, so"));
        std::fs::write(&path, [&b"PK\x03\x04"[..], &vec![0; MAX as usize]].concat()).unwrap();
        assert!(read(&path).unwrap_err().contains("is a PyTorch file"));
        std::fs::write(&path, 2_000_000u64.to_le_bytes()).unwrap();
        assert!(read(&path).unwrap_err().contains("header of 2000000 bytes"));
    }
}
