//! From colours to one grey value a pixel, the clear part included.

use image::RgbaImage;

use super::Step;
use super::grid::{Grid, quantile};

/// A pixel is clear below the one opacity, solid above the other.
const CLEAR: u8 = 32;
const SOLID: u8 = 128;
/// The darkest, the middle and the brightest, but for a few outliers.
const EXTREMES: [f64; 3] = [0.002, 0.5, 0.998];
/// Grey values within which ink counts as one colour.
const ONE_COLOUR: f32 = 64.0;
/// One colour alone must show this many times the contrast to be preferred to their mix.
const MUCH_STRONGER: f32 = 1.8;

/// Grey values, 0-255. On a clear canvas the ink is what is solid, whatever its colour.
///
/// # Errors
/// When nothing of the picture is solid.
pub(super) fn from_colours(image: &RgbaImage, steps: &mut Vec<Step>) -> Result<Grid<f32>, String> {
    let has_clear_part = image.pixels().any(|pixel| pixel.0[3] < CLEAR);
    if !has_clear_part {
        return Ok(strongest(image, steps));
    }
    let mut solid: Vec<f32> =
        image.pixels().filter(|pixel| pixel.0[3] >= SOLID).map(|pixel| mixed(pixel.0)).collect();
    if solid.is_empty() {
        return Err("shows no ink, it is blank: every pixel is transparent".into());
    }
    let mostly_clear = 2 * solid.len() < image.pixels().len();
    let [low, middle, high] = EXTREMES.map(|share| quantile(&mut solid, share));
    if mostly_clear || high - low < ONE_COLOUR {
        steps.push(Step { name: "transparency", note: "the ink is what is not transparent".into() });
        return Ok(grid(image, |pixel| f32::from(pixel[3])));
    }
    // Paper and ink both are solid, such as a window with round corners.
    let note = "laid over the middle grey of what is not transparent".into();
    steps.push(Step { name: "transparency", note });
    Ok(grid(image, |pixel| middle + (mixed(pixel) - middle) * f32::from(pixel[3]) / 255.0))
}

/// The usual mix of the colours, unless one of them shows far more (yellow ink is seen in blue).
fn strongest(image: &RgbaImage, steps: &mut Vec<Step>) -> Grid<f32> {
    let mix = grid(image, mixed);
    let most = contrast(&mix);
    let names = ["red", "green", "blue"];
    let colours = names.iter().enumerate().map(|(i, name)| (name, grid(image, |pixel| f32::from(pixel[i]))));
    let best = colours
        .map(|(name, grey)| (contrast(&grey), name, grey))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(contrast, ..)| *contrast > MUCH_STRONGER * most.max(1.0));
    match best {
        Some((_, name, grey)) => {
            steps.push(Step { name: "colour", note: format!("the ink shows best in {name}") });
            grey
        }
        None => mix,
    }
}

/// How far the farthest values lie from the middle one.
fn contrast(grey: &Grid<f32>) -> f32 {
    let mut values = grey.cells.clone();
    let [low, middle, high] = EXTREMES.map(|share| quantile(&mut values, share));
    (high - middle).max(middle - low)
}

fn grid(image: &RgbaImage, value: impl Fn([u8; 4]) -> f32) -> Grid<f32> {
    let cells = image.pixels().map(|pixel| value(pixel.0)).collect();
    Grid { width: image.width() as usize, height: image.height() as usize, cells }
}

/// The weights of Rec. 601, exact for greys.
fn mixed([red, green, blue, _]: [u8; 4]) -> f32 {
    ((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) + 500) / 1000) as f32
}
