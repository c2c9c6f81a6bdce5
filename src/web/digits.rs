//! The images that the page trains on: some of the drawn digits, in one compressed file.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::data::{PIXELS, SIDE, Split, drawn};
use crate::{Error, Result};

/// Images to train on.
const TRAIN: u32 = 4096;
/// Images that are held out.
const TEST: u32 = 1024;

/// What the file holds, unpacked: all images, those to train on first, [`PIXELS`] bytes each; then a byte for
/// the label of each.
#[derive(Debug, Serialize)]
pub(super) struct Layout {
    /// Its path, beside the description.
    pub file: String,
    /// How it is packed.
    pub compression: &'static str,
    /// Images to train on.
    pub train: usize,
    /// Images that are held out.
    pub test: usize,
    /// Width and height of an image.
    pub side: usize,
    /// What they are.
    pub origin: String,
}

/// The file, and how to read it.
pub(super) fn packed(file: &str, seed: u64) -> Result<(Layout, Vec<u8>)> {
    let data = drawn(seed, [TRAIN, TEST]);
    let splits = [&data.train, &data.test];
    let images = splits.iter().flat_map(|split| split.images());
    let labels = splits.iter().flat_map(|split| split.labels());
    let bytes: Vec<u8> = images.chain(labels).copied().collect();
    debug_assert_eq!(bytes.len(), (TRAIN + TEST) as usize * (PIXELS + 1));
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packer.write_all(&bytes).and_then(|()| packer.finish());
    let packed = packed.map_err(|error| Error::Data(format!("cannot pack {file}: {error}")))?;
    let [train, test] = splits.map(Split::len);
    let origin = data.origin.clone();
    Ok((Layout { file: file.into(), compression: "gzip", train, test, side: SIDE, origin }, packed))
}
