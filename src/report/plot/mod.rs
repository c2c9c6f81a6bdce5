//! The figures of a run, each as SVG and as PNG: curves over the epochs, confusion matrices, the images that
//! the network got wrong, and runs side by side.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ExtendedColorType, ImageEncoder, ImageFormat, Rgba, codecs::png::PngEncoder};
use kuva::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::render::render::Scene;

use crate::data::SIDE;
use crate::{Error, Result};

mod canvas;
pub(crate) mod compare;
pub(crate) mod confusion;
pub(crate) mod curves;
pub(crate) mod gallery;
mod panel;
pub(crate) mod sheet;

/// Colours that colour-blind readers tell apart (Okabe and Ito).
const BLUE: &str = "#0072B2";
const VERMILION: &str = "#D55E00";
const GREEN: &str = "#009E73";
const PURPLE: &str = "#CC79A7";
const ORANGE: &str = "#E69F00";
const SKY: &str = "#56B4E9";
const BLACK: &str = "#000000";
/// For text, and for text that matters less.
const TEXT: &str = "#222222";
const MUTED: &str = "#666666";

/// Pixels of a PNG for each of the SVG's.
const PNG_SCALE: usize = 2;

/// A drawn figure.
pub(crate) struct Drawing {
    scene: Scene,
    pictures: Vec<Picture>,
}

/// A grey picture of [`SIDE`] x [`SIDE`] pixels, enlarged without smoothing, on top of the rest of the figure.
struct Picture {
    x: usize,
    y: usize,
    /// How many times it is enlarged.
    scale: usize,
    /// 0 black, 255 white, row by row.
    grey: Vec<u8>,
}

impl Drawing {
    /// As SVG text. Its font is the viewer's sans-serif.
    pub(crate) fn svg(&self) -> String {
        let mut svg = SvgBackend::default().render_scene(&self.scene);
        if let Some(end) = svg.rfind("</svg>") {
            let pictures: String = self.pictures.iter().map(Picture::svg).collect();
            svg.insert_str(end, &pictures);
        }
        svg
    }

    /// As a PNG file, two pixels for each of the SVG's.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when it cannot be encoded.
    pub(crate) fn png(&self) -> Result<Vec<u8>> {
        let cannot = |error: String| Error::Data(format!("cannot draw the plot as PNG: {error}"));
        let png = PngBackend::new().with_scale(PNG_SCALE as f32).render_scene(&self.scene).map_err(cannot)?;
        if self.pictures.is_empty() {
            return Ok(png);
        }
        let drawn = image::load_from_memory_with_format(&png, ImageFormat::Png);
        let mut drawn = drawn.map_err(|error| cannot(error.to_string()))?.into_rgba8();
        for picture in &self.pictures {
            picture.paint(&mut drawn);
        }
        let mut png = Cursor::new(Vec::new());
        drawn.write_to(&mut png, ImageFormat::Png).map_err(|error| cannot(error.to_string()))?;
        Ok(png.into_inner())
    }
}

impl From<Scene> for Drawing {
    fn from(scene: Scene) -> Self {
        Self { scene, pictures: Vec::new() }
    }
}

impl Picture {
    /// Its width and height in the SVG.
    fn side(&self) -> usize {
        SIDE * self.scale
    }

    /// The grey of a pixel of it, `enlarged` times.
    fn at(&self, x: usize, y: usize, enlarged: usize) -> u8 {
        self.grey[y / enlarged * SIDE + x / enlarged]
    }

    /// As an element of an SVG file, with its pixels in it: enlarged here, as not every viewer can do it without
    /// smoothing.
    fn svg(&self) -> String {
        let (x, y, side) = (self.x, self.y, self.side());
        let rows = (0..side).flat_map(|y| (0..side).map(move |x| self.at(x, y, self.scale)));
        let grey: Vec<u8> = rows.collect();
        let mut png = Vec::new();
        // Into memory, and of the right length: it cannot fail.
        let to = PngEncoder::new(&mut png);
        let written = to.write_image(&grey, side as u32, side as u32, ExtendedColorType::L8);
        debug_assert!(written.is_ok(), "{written:?}");
        format!(
            r#"<image x="{x}" y="{y}" width="{side}" height="{side}" style="image-rendering:pixelated" href="data:image/png;base64,{}"/>"#,
            STANDARD.encode(&png)
        )
    }

    /// Onto the PNG.
    fn paint(&self, drawn: &mut image::RgbaImage) {
        let enlarged = self.scale * PNG_SCALE;
        for y in 0..SIDE * enlarged {
            for x in 0..SIDE * enlarged {
                let grey = self.at(x, y, enlarged);
                let at = ((self.x * PNG_SCALE + x) as u32, (self.y * PNG_SCALE + y) as u32);
                if let Some(pixel) = drawn.get_pixel_mut_checked(at.0, at.1) {
                    *pixel = Rgba([grey, grey, grey, 255]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
