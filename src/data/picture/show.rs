//! A prepared picture for the eye: in the terminal and as a file.

use std::io::Cursor;

use image::{ImageFormat, Luma};

use crate::data::SIDE;
use crate::{Error, Result};

/// From no ink to full ink.
const RAMP: &[u8] = b" .:-=+*#%@";
/// From here on a half of a block is set.
const SET: u8 = 96;

/// The characters of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Half blocks, two pixels in a character.
    Blocks,
    /// ASCII only, the mean of two pixels in a character.
    Ascii,
}

/// [`SIDE`] columns by half as many rows of characters, each line ended; `pixels` are
/// [`crate::data::PIXELS`] grey values.
pub fn drawing(pixels: &[u8], style: Style) -> String {
    let mut text = String::new();
    for rows in pixels.chunks_exact(2 * SIDE) {
        let (upper, lower) = rows.split_at(SIDE);
        text.extend(upper.iter().zip(lower).map(|(&upper, &lower)| match style {
            Style::Blocks => block(upper >= SET, lower >= SET),
            Style::Ascii => {
                let mean = usize::from(upper).midpoint(usize::from(lower));
                char::from(RAMP[mean * (RAMP.len() - 1) / 255])
            }
        }));
        text.push('\n');
    }
    text
}

fn block(upper: bool, lower: bool) -> char {
    match (upper, lower) {
        (false, false) => ' ',
        (true, false) => '\u{2580}',
        (false, true) => '\u{2584}',
        (true, true) => '\u{2588}',
    }
}

/// The bytes of a grey PNG of `pixels`, [`crate::data::PIXELS`] grey values.
///
/// # Errors
/// [`Error::Data`] for another number of pixels.
pub fn png(pixels: &[u8]) -> Result<Vec<u8>> {
    let side = SIDE as u32;
    let image = image::ImageBuffer::<Luma<u8>, _>::from_raw(side, side, pixels.to_vec())
        .filter(|_| pixels.len() == SIDE * SIDE)
        .ok_or_else(|| Error::Data(format!("{} pixels are not {SIDE} x {SIDE}", pixels.len())))?;
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, ImageFormat::Png).map_err(|error| Error::Data(error.to_string()))?;
    Ok(file.into_inner())
}
