//! From a file's bytes to colours, turned as a viewer shows them and no larger than is of use.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbaImage};

use super::checked_png::Png;
use super::reduce::{means, narrowed};
use super::{Step, exif, kind};
use crate::escape::Shown;

/// Most bytes of pixels that a picture may unpack to.
const MOST_UNPACKED: u64 = 384 << 20;
/// The same for decoders that hold the picture twice: of TIFF, and of progressive JPEG.
const MOST_TWICE: u64 = 56 << 20;
/// The same for WebP, whose decoder takes up to 1.3 times the pixels more.
const MOST_WEBP: u64 = 44 << 20;
/// What a decoder may need beside the pixels.
const WORKING_MEMORY: u64 = 48 << 20;
/// The longer side is reduced below this: a digit needs 20 pixels, its lines and paper some more.
const MOST_SIDE: usize = 1000;

/// Colours and opacity of a picture.
///
/// # Errors
/// What is wrong with the file, without its name.
pub(super) fn decode(bytes: &[u8], steps: &mut Vec<Step>) -> Result<RgbaImage, String> {
    let format = kind::of(bytes)?;
    let name = kind::name(format);
    let cannot = |error: ImageError| match error {
        ImageError::Unsupported(_) => {
            format!("is a {name} of a kind that is not read: convert it to PNG ({error})")
        }
        _ => format!("cannot be read as a {name}: {}", error.to_string().shown()),
    };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_UNPACKED + WORKING_MEMORY);
    let mut decoder = open(bytes, format, &limits).map_err(cannot)?;

    let (width, height) = decoder.dimensions();
    let unpacked = decoder.total_bytes();
    let most = most_unpacked(format, bytes);
    if unpacked > most {
        return Err(format!(
            "has {width} x {height} pixels, {} MB unpacked, and no more than {} MB of a {name} are read: \
             scale it down",
            unpacked >> 20,
            most >> 20
        ));
    }
    limits.max_alloc = Some(unpacked + WORKING_MEMORY);
    decoder.set_limits(limits).map_err(cannot)?;
    let turn = orientation(&mut decoder, format, bytes);
    let colour = decoder.color_type();
    let mut pixels = vec![0; usize::try_from(unpacked).map_err(|error| error.to_string())?];
    decoder.read_image(&mut pixels).map_err(cannot)?;

    let side = width.max(height) as usize;
    let shrink = side.div_ceil(MOST_SIDE).max(1);
    let channels = usize::from(colour.channel_count());
    if colour.bytes_per_pixel() as usize == 2 * channels {
        narrowed(&mut pixels, channels, colour.has_alpha());
    }
    let reduced = means(&pixels, [width as usize, height as usize], channels, shrink)
        .ok_or_else(|| format!("has pixels of a kind that is not read ({colour:?})"))?;
    drop(pixels);
    let mut note = format!("{name}, {width} x {height} pixels");
    if shrink > 1 {
        note += &format!(", reduced to {} x {}", reduced.width(), reduced.height());
    }
    steps.push(Step { name: "file", note });
    let mut turned = DynamicImage::ImageRgba8(reduced);
    if turn != Orientation::NoTransforms {
        turned.apply_orientation(turn);
        steps.push(Step { name: "orientation", note: format!("turned as a viewer does ({turn:?})") });
    }
    Ok(turned.into_rgba8())
}

fn open<'a>(
    bytes: &'a [u8],
    format: ImageFormat,
    limits: &Limits,
) -> Result<Box<dyn ImageDecoder + 'a>, ImageError> {
    if format == ImageFormat::Png {
        return Ok(Box::new(Png::new(bytes, MOST_UNPACKED + WORKING_MEMORY)?));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    Ok(Box::new(reader.into_decoder()?))
}

fn most_unpacked(format: ImageFormat, bytes: &[u8]) -> u64 {
    match format {
        ImageFormat::Tiff => MOST_TWICE,
        ImageFormat::Jpeg if kind::is_progressive(bytes) => MOST_TWICE,
        ImageFormat::WebP => MOST_WEBP,
        _ => MOST_UNPACKED,
    }
}

/// A malformed orientation is none: the picture itself may well be sound.
fn orientation(decoder: &mut impl ImageDecoder, format: ImageFormat, bytes: &[u8]) -> Orientation {
    let found = match format {
        ImageFormat::Png => exif::of_png(bytes),
        ImageFormat::Tiff => exif::of_tags(bytes),
        _ => decoder.orientation().ok(),
    };
    found.unwrap_or(Orientation::NoTransforms)
}
