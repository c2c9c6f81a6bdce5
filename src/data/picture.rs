//! Reads a picture of a digit into MNIST's form: 28 x 28, bright ink on black, 0 background.

use std::io::Cursor;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{GrayImage, ImageFormat, ImageReader, Limits, Luma};

use crate::data::SIDE;
use crate::{Error, Result};

/// Width and height that MNIST fits a digit into before it is centred.
const BOX: u32 = 20;
/// Widest and highest picture that is read.
const MAX_SIDE: u32 = 10_000;
const MAX_BYTES: u64 = 256 << 20;
/// Ink must stand out from the background by this much, in the picture as it is given and, where
/// thin strokes fade, after it is scaled.
const FAINTEST: [u8; 2] = [32, 1];

/// A picture as the network takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// [`crate::data::PIXELS`] grey values, row by row.
    pub pixels: Vec<u8>,
    /// What was done to it, for the user.
    pub notes: Vec<String>,
}

/// Reads a PNG of any colour type; transparency is laid over white. Dark ink on a light background
/// is inverted. A picture of another size than 28 x 28 is treated as MNIST's were: cropped to the
/// ink, scaled to fit 20 x 20 and placed with its centre of mass in the middle.
///
/// # Errors
///
/// [`Error::Data`] naming the file, when it is missing, no PNG, too large or blank.
pub fn read(path: &Path) -> Result<Picture> {
    let wrong = |what: String| Error::Data(format!("{}: {what}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if length > MAX_BYTES {
        return Err(wrong(format!("is too large for a picture, it has {length} bytes")));
    }
    let file = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut reader = ImageReader::with_format(Cursor::new(file), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let decoded = reader.decode().map_err(|error| wrong(format!("cannot be read as a PNG: {error}")))?;

    let mut grey = GrayImage::new(decoded.width(), decoded.height());
    for (to, from) in grey.pixels_mut().zip(decoded.to_luma_alpha8().pixels()) {
        let [luma, alpha] = from.0.map(u32::from);
        *to = Luma([((luma * alpha + 255 * (255 - alpha) + 127) / 255) as u8]);
    }

    let mut notes = Vec::new();
    if border_brightness(&grey) > 127 {
        imageops::invert(&mut grey);
        notes.push("dark ink on a light background: inverted".to_string());
    }
    let blank = || wrong("shows no ink, it is blank".to_string());
    let side = SIDE as u32;
    if grey.dimensions() == (side, side) {
        stretch(&grey, border_brightness(&grey), FAINTEST[0]).ok_or_else(blank)?;
    } else {
        let (width, height) = grey.dimensions();
        grey = fit(&grey).ok_or_else(blank)?;
        notes.push(format!("{width} x {height} pixels: cropped, scaled and centred to 28 x 28"));
    }
    Ok(Picture { pixels: grey.into_raw(), notes })
}

/// Mean grey value of the outermost pixels.
fn border_brightness(grey: &GrayImage) -> u8 {
    let (width, height) = grey.dimensions();
    let on_border = |x: u32, y: u32| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    let (mut sum, mut count) = (0u64, 0u64);
    for (x, y, pixel) in grey.enumerate_pixels() {
        if on_border(x, y) {
            sum += u64::from(pixel.0[0]);
            count += 1;
        }
    }
    (sum / count.max(1)) as u8
}

/// MNIST's rule for bright ink on a dark background; `None` without ink.
fn fit(grey: &GrayImage) -> Option<GrayImage> {
    // Paper is not quite black after inverting: what is as dark as the border becomes 0.
    let grey = stretch(grey, border_brightness(grey), FAINTEST[0])?;
    let ink = |pixel: &Luma<u8>| pixel.0[0] >= 64;
    let inked = || grey.enumerate_pixels().filter(|(_, _, pixel)| ink(pixel));
    let (left, right) = (inked().map(|p| p.0).min()?, inked().map(|p| p.0).max()?);
    let (top, bottom) = (inked().map(|p| p.1).min()?, inked().map(|p| p.1).max()?);
    let (width, height) = (right - left + 1, bottom - top + 1);
    let cropped = imageops::crop_imm(&grey, left, top, width, height).to_image();

    let scale = f64::from(BOX) / f64::from(width.max(height));
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, BOX);
    let small = imageops::resize(&cropped, scaled(width), scaled(height), FilterType::Triangle);
    let small = stretch(&small, 0, FAINTEST[1])?;

    let mass: f64 = small.pixels().map(|p| f64::from(p.0[0])).sum();
    let centre = |at: fn(u32, u32) -> u32| {
        small.enumerate_pixels().map(|(x, y, p)| f64::from(at(x, y)) * f64::from(p.0[0])).sum::<f64>() / mass
    };
    let side = SIDE as u32;
    let middle = f64::from(side - 1) / 2.0;
    let offset =
        |centre: f64, length: u32| ((middle - centre).round() as i64).clamp(0, i64::from(side - length));
    let x = offset(centre(|x, _| x), small.width());
    let y = offset(centre(|_, y| y), small.height());
    let mut canvas = GrayImage::new(side, side);
    imageops::replace(&mut canvas, &small, x, y);
    Some(canvas)
}

/// Maps `black..=brightest` to `0..=255`; `None` when they are closer than `faintest`.
fn stretch(grey: &GrayImage, black: u8, faintest: u8) -> Option<GrayImage> {
    let brightest = grey.pixels().map(|p| p.0[0]).max()?;
    let range = brightest.checked_sub(black).filter(|&range| range >= faintest)?;
    let mut stretched = grey.clone();
    for Luma([value]) in stretched.pixels_mut() {
        *value = (u32::from(value.saturating_sub(black)) * 255 / u32::from(range)) as u8;
    }
    Some(stretched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, Rgba, RgbaImage};

    fn read_back(image: impl Into<DynamicImage>) -> Result<Picture> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digit.png");
        image.into().save(&path).unwrap();
        read(&path)
    }

    /// A bar of ink in a picture of one size.
    fn bar(size: u32, left: u32, top: u32, width: u32, height: u32, [paper, ink]: [u8; 2]) -> GrayImage {
        GrayImage::from_fn(size, size, |x, y| {
            let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
            Luma([if inside { ink } else { paper }])
        })
    }

    fn inked(pixels: &[u8]) -> (usize, usize, usize, usize) {
        let at: Vec<_> = (0..28 * 28).filter(|&i| pixels[i] > 127).map(|i| (i % 28, i / 28)).collect();
        let (x, y) = (|p: &(usize, usize)| p.0, |p: &(usize, usize)| p.1);
        let bound = |f: fn(&(usize, usize)) -> usize| {
            (at.iter().map(f).min().unwrap(), at.iter().map(f).max().unwrap())
        };
        let ((left, right), (top, bottom)) = (bound(x), bound(y));
        (left, right, top, bottom)
    }

    #[test]
    fn a_picture_in_mnist_form_is_untouched() {
        let image = bar(28, 3, 5, 4, 18, [0, 200]);
        let picture = read_back(image.clone()).unwrap();
        assert_eq!(picture.pixels, image.into_raw());
        assert!(picture.notes.is_empty());
    }

    #[test]
    fn dark_ink_is_inverted_and_the_user_told() {
        let picture = read_back(bar(28, 3, 5, 4, 18, [255, 55])).unwrap();
        assert_eq!(picture.pixels, bar(28, 3, 5, 4, 18, [0, 200]).into_raw());
        assert!(picture.notes.len() == 1 && picture.notes[0].contains("inverted"));
    }

    #[test]
    fn transparency_is_white_paper() {
        let image = RgbaImage::from_fn(28, 28, |x, _| Rgba([0, 0, 0, if x == 14 { 255 } else { 0 }]));
        let picture = read_back(image).unwrap();
        assert!((0..28 * 28).all(|i| picture.pixels[i] == if i % 28 == 14 { 255 } else { 0 }));
    }

    #[test]
    fn another_size_is_fitted_into_twenty_and_centred() {
        // On grey paper, off centre.
        let picture = read_back(bar(300, 10, 20, 40, 200, [220, 30])).unwrap();
        let (left, right, top, bottom) = inked(&picture.pixels);
        assert_eq!((right - left + 1, bottom - top + 1), (4, 20));
        assert_eq!((left, top), (12, 4));
        assert_eq!(picture.pixels[0], 0);
        assert_eq!(picture.pixels.iter().max(), Some(&255));
        assert_eq!(picture.notes.len(), 2);
        // A small one grows.
        let picture = read_back(bar(10, 2, 2, 6, 6, [0, 255])).unwrap();
        let (left, right, top, bottom) = inked(&picture.pixels);
        assert_eq!((left, right, top, bottom), (4, 23, 4, 23));
    }

    #[test]
    fn a_thin_stroke_in_a_large_picture_is_seen() {
        let picture = read_back(bar(2000, 900, 100, 3, 1800, [255, 0])).unwrap();
        assert_eq!(inked(&picture.pixels), (14, 14, 4, 23));
    }

    #[test]
    fn sixteen_bits_and_one_pixel_are_read() {
        let deep = image::ImageBuffer::from_fn(28, 28, |x, _| Luma([if x == 9 { 65_535u16 } else { 0 }]));
        let picture = read_back(DynamicImage::ImageLuma16(deep)).unwrap();
        assert_eq!((picture.pixels[8], picture.pixels[9]), (0, 255));
        assert!(read_back(GrayImage::new(1, 1)).is_err());
    }

    #[test]
    fn a_blank_picture_of_any_size_is_refused() {
        for size in [1, 28, 29] {
            // The last one has a grain that is no ink.
            for picture in [[0, 0], [200, 200], [255, 255], [128, 128], [40, 50]] {
                let error = read_back(bar(size, 0, 0, 1, 1, picture)).unwrap_err();
                assert!(error.exit_code() == 4 && error.to_string().contains("blank"), "{size}: {error}");
            }
        }
    }

    #[test]
    fn what_is_no_picture_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.png");
        let refusal = |path: &Path| {
            let error = read(path).unwrap_err();
            assert_eq!(error.exit_code(), 4);
            assert!(error.to_string().contains("odd.png"), "{error}");
            error.to_string()
        };
        refusal(&path);
        std::fs::write(&path, b"no picture").unwrap();
        refusal(&path);
        bar(100, 3, 5, 4, 18, [0, 200]).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        refusal(&path);
        bar(100, 3, 5, 4, 18, [200, 200]).save(&path).unwrap();
        assert!(refusal(&path).contains("blank"));
        GrayImage::new(MAX_SIDE + 1, 1).save(&path).unwrap();
        refusal(&path);
    }
}
