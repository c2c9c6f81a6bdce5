//! The IDX format of MNIST's files: reading one, raw or gzipped, and everything that can be wrong with it.
//!
//! An IDX file is a big-endian header (two zero bytes, the type of the values, the number of
//! dimensions, then every dimension as a u32) followed by the values, the last dimension fastest.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::{SIDE, forms};
use crate::escape::Shown;
use crate::{Error, Result};

/// What a file must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Grey images of 28 x 28 bytes (three dimensions).
    Images,
    /// One byte per image, 0-9 (one dimension).
    Labels,
}

/// IDX's code for unsigned bytes.
const UNSIGNED_BYTE: u8 = 0x08;
/// The first bytes of a gzip stream.
const GZIP: [u8; 2] = [0x1f, 0x8b];

impl Content {
    /// What the values are called, for messages.
    fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }

    /// Number of dimensions.
    fn rank(self) -> usize {
        match self {
            Self::Images => 3,
            Self::Labels => 1,
        }
    }

    /// Length in bytes of the header.
    pub fn header(self) -> usize {
        4 + 4 * self.rank()
    }

    /// Length in bytes of a raw file with `count` items.
    pub fn file_len(self, count: usize) -> usize {
        self.header() + count * if self == Self::Images { SIDE * SIDE } else { 1 }
    }
}

/// Reads a file, unpacking it if it is gzipped (going by its first bytes, not its name), and checks
/// that it holds `count` items of `content`. Returns the raw file, header included.
///
/// # Errors
/// [`Error::Data`] with the path and what is wrong: see [`check`].
pub fn read(path: &Path, content: Content, count: usize) -> Result<Vec<u8>> {
    let name = path.shown();
    let file = File::open(path).map_err(|e| Error::Data(format!("{name}: cannot be opened ({e})")))?;
    from_reader(&name, BufReader::with_capacity(1 << 16, file), content, count)
}

/// Reads from anything, as [`read`] does from a file.
///
/// # Errors
/// As [`read`], naming it `name`.
pub fn from_reader(name: &str, input: impl BufRead, content: Content, count: usize) -> Result<Vec<u8>> {
    let fail = |what: String| Error::Data(format!("{name}: {what}"));
    let bytes = unpack(input, content.file_len(count)).map_err(fail)?;
    check(&bytes, content, count).map_err(fail)?;
    Ok(bytes)
}

/// Reads a raw or gzipped stream to its end, or up to one byte more than `len`, which is enough to
/// know that it is too long.
pub(super) fn unpack(mut input: impl BufRead, len: usize) -> std::result::Result<Vec<u8>, String> {
    let start = input.fill_buf().map_err(|e| format!("cannot be read ({e})"))?;
    let gzipped = start.starts_with(&GZIP);
    let mut bytes = Vec::with_capacity(len + 1);
    let limit = len as u64 + 1;
    if gzipped {
        let read = gunzip(&mut input, limit, &mut bytes);
        read.map_err(|e| format!("its gzip stream is truncated or damaged ({e}); fetch the file again"))?;
        if bytes.starts_with(&GZIP) {
            return Err("gzipped twice: unpack it once, with `gunzip`, or fetch the file again".into());
        }
    } else {
        let read = input.take(limit).read_to_end(&mut bytes);
        read.map_err(|e| format!("cannot be read ({e})"))?;
    }
    Ok(bytes)
}

/// Unpacks the members of a gzip stream, one after the other, up to `limit` bytes.
fn gunzip(input: &mut impl BufRead, limit: u64, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        GzDecoder::new(&mut *input).take(limit - bytes.len() as u64).read_to_end(bytes)?;
        if bytes.len() as u64 == limit || !after_padding(input)? {
            return Ok(());
        }
    }
}

/// Skips the zeros that may stand after a member, as on tapes, and says whether something follows.
fn after_padding(input: &mut impl BufRead) -> std::io::Result<bool> {
    loop {
        let (zeros, length) = match input.fill_buf()? {
            [] => return Ok(false),
            bytes => (bytes.iter().take_while(|&&byte| byte == 0).count(), bytes.len()),
        };
        input.consume(zeros);
        if zeros < length {
            return Ok(true);
        }
    }
}

/// Checks that a raw file is IDX and holds exactly `count` items of `content`; of a longer file, one
/// byte too many is enough.
///
/// # Errors
/// What is wrong, but not with which file.
pub fn check(bytes: &[u8], content: Content, count: usize) -> std::result::Result<(), String> {
    check_magic(bytes, content)?;
    check_dimensions(bytes, content, count)?;
    let promised = content.file_len(count);
    if bytes.len() < promised {
        let missing = promised - bytes.len();
        return Err(format!(
            "truncated: {missing} of the {promised} bytes that its header promises are missing"
        ));
    }
    if bytes.len() > promised {
        return Err(format!(
            "oversized: longer than the {promised} bytes that its header promises, where reading stops"
        ));
    }
    if content == Content::Labels
        && let Some(place) = bytes[content.header()..].iter().position(|&label| label > 9)
    {
        let label = bytes[content.header() + place];
        return Err(format!("label {label} of image {place} is not a digit (0-9)"));
    }
    Ok(())
}

/// The first four bytes: IDX, unsigned bytes, and as many dimensions as the content has.
fn check_magic(bytes: &[u8], content: Content) -> std::result::Result<(), String> {
    let wanted = content.name();
    let Some((&[zero, zero_too, kind, rank], _)) = bytes.split_first_chunk() else {
        return Err(format!("truncated: its {} bytes cannot even hold an IDX magic number", bytes.len()));
    };
    if zero != 0 || zero_too != 0 {
        let form = forms::by_start(bytes).map(|form| format!(" as {form} does,")).unwrap_or_default();
        return Err(format!(
            "neither IDX nor gzip: it starts with {zero:02x} {zero_too:02x},{form} \
             not 00 00 08 (IDX) or 1f 8b (gzip); fetch MNIST's own file instead"
        ));
    }
    if kind != UNSIGNED_BYTE {
        return Err(format!(
            "bad magic number: IDX values of type 0x{kind:02x}, but MNIST has unsigned bytes (0x08)"
        ));
    }
    let rank = usize::from(rank);
    if rank == content.rank() {
        return Ok(());
    }
    let mislabelled = [Content::Images, Content::Labels].into_iter().find(|other| other.rank() == rank);
    Err(match mislabelled {
        Some(other) => {
            format!("mislabelled: holds {}, but its name promises {wanted}; was it renamed?", other.name())
        }
        None => format!("bad magic number: {rank} dimensions, but {wanted} have {}", content.rank()),
    })
}

/// The dimensions after them: how many items, and the size of an image.
fn check_dimensions(bytes: &[u8], content: Content, count: usize) -> std::result::Result<(), String> {
    let wanted = content.name();
    let Some(header) = bytes.get(4..content.header()) else {
        return Err(format!("truncated: ends inside its header of {} bytes", content.header()));
    };
    let dims: Vec<usize> =
        header.as_chunks::<4>().0.iter().map(|&dim| u32::from_be_bytes(dim) as usize).collect();
    if let [found, ..] = dims[..]
        && found != count
    {
        return Err(match found {
            10_000 => {
                format!("mislabelled: holds the 10000 {wanted} of a test set, but its name promises {count}")
            }
            60_000 => {
                format!(
                    "mislabelled: holds the 60000 {wanted} of a training set, but its name promises {count}"
                )
            }
            40_000 | 240_000 => {
                format!("holds {found} {wanted}, as EMNIST's digits do, but MNIST has {count} here")
            }
            _ => format!("says it holds {found} {wanted}, but MNIST has {count} here"),
        });
    }
    match dims[..] {
        [_, rows, columns] if (rows, columns) != (SIDE, SIDE) => {
            Err(format!("has images of {rows} x {columns} pixels, but MNIST's are {SIDE} x {SIDE}"))
        }
        _ => Ok(()),
    }
}
