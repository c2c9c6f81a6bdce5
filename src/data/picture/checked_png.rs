//! PNG as `image` reads it, but with the checksum over its pixels, which that leaves out.

use std::io::Cursor;

use image::error::{DecodingError, ImageFormatHint};
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageResult};
use png::{BitDepth, DecodeOptions, Decoder, Limits, Reader, Transformations};

/// A PNG whose header has been read.
pub(super) struct Png<'a> {
    reader: Reader<Cursor<&'a [u8]>>,
    colour: ColorType,
}

impl<'a> Png<'a> {
    /// Reads all that comes before the pixels; the decoder may take so many bytes.
    pub(super) fn new(file: &'a [u8], most: u64) -> ImageResult<Self> {
        let mut options = DecodeOptions::default();
        options.set_ignore_adler32(false);
        options.set_ignore_text_chunk(true);
        let mut decoder = Decoder::new_with_options(Cursor::new(file), options);
        decoder.set_limits(Limits { bytes: usize::try_from(most).unwrap_or(usize::MAX) });
        // Palettes become colours, and bits bytes.
        decoder.set_transformations(Transformations::EXPAND);
        let reader = decoder.read_info().map_err(wrong)?;
        let (colour, depth) = reader.output_color_type();
        let wide = depth == BitDepth::Sixteen;
        let colour = match colour {
            png::ColorType::Grayscale if wide => ColorType::L16,
            png::ColorType::Grayscale => ColorType::L8,
            png::ColorType::GrayscaleAlpha if wide => ColorType::La16,
            png::ColorType::GrayscaleAlpha => ColorType::La8,
            png::ColorType::Rgb if wide => ColorType::Rgb16,
            png::ColorType::Rgba if wide => ColorType::Rgba16,
            png::ColorType::Rgba => ColorType::Rgba8,
            // A palette has been expanded.
            png::ColorType::Rgb | png::ColorType::Indexed => ColorType::Rgb8,
        };
        Ok(Self { reader, colour })
    }
}

impl ImageDecoder for Png<'_> {
    fn dimensions(&self) -> (u32, u32) {
        self.reader.info().size()
    }

    fn color_type(&self) -> ColorType {
        self.colour
    }

    fn read_image(mut self, pixels: &mut [u8]) -> ImageResult<()> {
        self.reader.next_frame(pixels).map_err(wrong)?;
        if self.colour.bytes_per_pixel() == 2 * self.colour.channel_count() {
            for value in pixels.as_chunks_mut().0 {
                *value = u16::from_be_bytes(*value).to_ne_bytes();
            }
        }
        Ok(())
    }

    fn read_image_boxed(self: Box<Self>, pixels: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(pixels)
    }
}

fn wrong(error: png::DecodingError) -> ImageError {
    ImageError::Decoding(DecodingError::new(ImageFormatHint::Exact(ImageFormat::Png), error))
}
