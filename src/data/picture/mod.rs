//! Reads a picture of a digit as users have them, and brings it to MNIST's form.

use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::escape::Shown;
use crate::{Error, Result, bounded};

mod checked_png;
mod decode;
mod digit;
mod exif;
mod fit;
mod form;
mod grey;
mod grid;
mod kind;
mod light;
mod lines;
mod pen;
mod pieces;
mod polarity;
mod reduce;
mod search;
mod show;
#[cfg(test)]
mod tests;
mod threshold;

pub use show::{Style, drawing, png};

/// Most bytes of a picture's file.
const MOST_BYTES: u64 = 64_000_000;
/// Ink must stand out from its surroundings by this much, of 255.
const FAINTEST: f32 = 20.0;

/// A picture as the network takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// [`crate::data::PIXELS`] grey values, row by row; 0 is background, 255 ink.
    pub pixels: Vec<u8>,
    /// What was done, in this order.
    pub steps: Vec<Step>,
    /// Why the answer may be wrong, for the user.
    pub warnings: Vec<String>,
}

/// One step of the preparation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is about, one word.
    pub name: &'static str,
    /// What it found or did.
    pub note: String,
}

/// Reads a picture from a file or a pipe.
///
/// # Errors
/// [`Error::Data`] naming the file: see [`from_bytes`], what is too large, and what cannot be read at all.
pub fn read(path: &Path) -> Result<Prepared> {
    let name = path.shown();
    from_bytes(&name, &bounded::read(path, MOST_BYTES).map_err(|error| unread(&name, &error))?)
}

/// Reads a picture from anything.
///
/// # Errors
/// As [`read`], naming it `name`.
pub fn from_reader(name: &str, from: impl Read) -> Result<Prepared> {
    from_bytes(name, &bounded::read_from(from, MOST_BYTES).map_err(|error| unread(name, &error))?)
}

fn unread(name: &str, error: &std::io::Error) -> Error {
    let cure = if error.kind() == ErrorKind::FileTooLarge { ": scale the picture down" } else { "" };
    Error::Data(format!("{name}: {error}{cure}"))
}

/// Whether a file that starts like this is a picture, be it of a kind that is read or not.
pub fn is_picture(start: &[u8]) -> bool {
    kind::is_picture(start)
}

/// Reads a picture from the content of a file: PNG, JPEG, BMP, GIF, WebP, TIFF or PNM, of an animation
/// the first picture. One in MNIST's form already stays as it is; any other is prepared.
///
/// # Errors
/// [`Error::Data`] that begins with `name`: a file that is broken, blank or no picture, or has too many pixels.
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Prepared> {
    prepare(bytes).map_err(|what| Error::Data(format!("{name}: {what}")))
}

fn prepare(bytes: &[u8]) -> std::result::Result<Prepared, String> {
    let (mut steps, mut warnings) = (Vec::new(), Vec::new());
    let colours = decode::decode(bytes, &mut steps)?;
    if kind::is_cut_off(bytes) {
        warnings.push("the file is cut off, part of the picture is missing: copy it anew".into());
    }
    let grey = grey::from_colours(&colours, &mut steps)?;
    let blank = || "shows no ink, it is blank".to_string();
    if grey.quantile(1.0) - grey.quantile(0.0) < FAINTEST {
        return Err(blank());
    }
    let ink = polarity::with_bright_ink(grey, &mut steps);
    if form::is_mnist(&ink) {
        steps.push(Step { name: "form", note: "MNIST's already: left as it is".into() });
        warnings
            .extend(digit::find(&ink.map(|value| value > 64.0)).into_iter().flat_map(|digit| digit.doubts));
        let pixels = ink.cells.iter().map(|&value| value as u8).collect();
        return Ok(Prepared { pixels, steps, warnings });
    }

    let found = search::digit(&light::removed(&ink), &mut steps).ok_or_else(blank)?;
    let pixels = fit::to_mnist(&found, &mut steps);
    warnings.extend(found.digit.doubts);
    Ok(Prepared { pixels, steps, warnings })
}
