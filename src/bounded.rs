//! Files that are read, which may be endless: the length that the system gives is 0 for devices and pipes.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result};
use std::path::Path;

/// Reads a file, a pipe or a device to its end.
///
/// # Errors
///
/// Why it cannot be read, or [`ErrorKind::FileTooLarge`] where it has more than `most` bytes, of which no more are
/// kept.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    read_from(File::open(path)?, most)
}

/// Reads anything to its end.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_from(from: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let what = format!("has more than {}, the most that is read", size(most));
        return Err(Error::new(ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// Reads a file that nobody would name but as a file: a pipe would wait for someone to write to it.
///
/// # Errors
///
/// As [`read`], and that it is a folder, a pipe or a device.
pub(crate) fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>> {
    read_from(regular(path)?, most)
}

/// Opens such a file.
fn regular(path: &Path) -> Result<File> {
    let about = std::fs::metadata(path)?;
    match about.is_file() {
        true => File::open(path),
        false if about.is_dir() => Err(Error::other("is a folder")),
        false => Err(Error::other("is a pipe or a device, not a regular file")),
    }
}

/// The same as a text.
///
/// # Errors
///
/// As [`read_regular`], and that it is not text.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read_regular(path, most)?).map_err(|_| Error::other("is not text in UTF-8"))
}

/// Reads a regular file line by line, as long as `each` says so; of a line only the first bytes, at most so many.
///
/// # Errors
///
/// Why it cannot be read, that it is none, or that it is not text.
pub(crate) fn lines(path: &Path, most: u64, mut each: impl FnMut(&str) -> bool) -> Result<()> {
    let mut file = BufReader::new(regular(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut file).take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = str::from_utf8(&line).map_err(|_| Error::other("is not text in UTF-8"))?;
        if !each(line.trim_end_matches('\n')) {
            return Ok(());
        }
    }
}

/// The first bytes of a file, at most so many.
///
/// # Errors
///
/// Why it cannot be read.
pub(crate) fn start(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `64 MB`
fn size(bytes: u64) -> String {
    match bytes {
        1_000_000.. if bytes.is_multiple_of(1_000_000) => format!("{} MB", bytes / 1_000_000),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read_regular(&path, 5).unwrap(), b"12345");
        assert_eq!(start(&path, 2).unwrap(), b"12");
        for error in [read(&path, 4), read_regular(&path, 4), read_from(std::io::repeat(0), 4)] {
            assert_eq!(error.unwrap_err().to_string(), "has more than 4 bytes, the most that is read");
        }
        let endless = read_from(std::io::repeat(0), 2_000_000).unwrap_err().to_string();
        assert!(endless.starts_with("has more than 2 MB"), "{endless}");
    }

    #[test]
    fn lines_are_read_as_long_as_they_are_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one\ntwo\nthree").unwrap();
        let read = |most, wanted: usize| {
            let mut all = Vec::new();
            lines(&path, most, |line| {
                all.push(line.to_string());
                all.len() < wanted
            })
            .unwrap();
            all
        };
        assert_eq!(read(9, 9), ["one", "two", "three"]);
        assert_eq!(read(9, 2), ["one", "two"]);
        assert_eq!(read(4, 9), ["one", "two", "thre", "e"]);
        std::fs::write(&path, [0xff]).unwrap();
        assert!(lines(&path, 9, |_| true).unwrap_err().to_string().contains("not text"));
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            let error = read_regular(path, 9).unwrap_err().to_string();
            assert!(error.contains("pipe or a device"), "{error}");
        }
        assert!(read_regular(folder.path(), 9).unwrap_err().to_string().contains("folder"));
        assert!(read(Path::new("/dev/zero"), 9).unwrap_err().to_string().contains("more than 9 bytes"));
    }
}
