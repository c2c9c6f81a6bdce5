//! Scales, thickens and centres a digit as MNIST's were.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};

use super::digit::Digit;
use super::form::centre_of_mass;
use super::grid::Grid;
use super::search::Found;
use super::{Step, pen};
use crate::data::SIDE;

/// Cells of the fine grid along a side of one pixel.
pub(super) const FINE: usize = 8;
/// The longer side of the digit, in pixels.
const BOX: usize = 20;
/// Where the ink's centre of mass goes, in pixels from the edge.
const CENTRE: f32 = 14.5;
/// The edge of a stroke fades to nothing this far below the threshold, as a share of full ink.
const FOOT: f32 = 0.25;
/// Ink of the edge of a stroke reaches so far beyond the threshold, as a share of the digit's size.
const EDGE: f32 = 0.03;

/// [`crate::data::PIXELS`] values of the digit in MNIST's form.
pub(super) fn to_mnist(found: &Found, steps: &mut Vec<Step>) -> Vec<u8> {
    let ink = soft_ink(found);
    let digit = &found.digit;
    let length = BOX * FINE;
    let fine = fine(&ink, digit, length);
    let width = pen::width(&fine);
    let widening = pen::widening(width / FINE as f32) * FINE as f32;
    let mut fine_ink = fine;
    let mut note =
        format!("{} x {} pixels of ink scaled to {BOX}", digit.bounds.width(), digit.bounds.height());
    if widening >= 1.0 {
        let radius = (widening / 2.0).round() as usize;
        fine_ink = pen::widened(&self::fine(&ink, digit, length - 2 * radius), radius);
        note += &format!(
            ", strokes of {:.1} pixels widened by {:.1}",
            width / FINE as f32,
            widening / FINE as f32
        );
    }
    steps.push(Step { name: "size", note });
    centred(&fine_ink)
}

/// 0-1: the digit's ink with its soft edges, nothing else.
fn soft_ink(Found { shares, threshold, digit, .. }: &Found) -> Grid<f32> {
    let reach = ((EDGE * digit.bounds.longer_side() as f32) as usize).max(1);
    let near = digit.mask.map(|set| if set { 1.0 } else { 0.0 }).blurred(reach);
    let foot = (threshold.ink - FOOT * threshold.full).max(0.0);
    let cells = shares.cells.iter().zip(&near.cells).map(|(&share, &near)| {
        if near > 0.0 { ((share - foot) / (threshold.full - foot)).clamp(0.0, 1.0) } else { 0.0 }
    });
    Grid { width: shares.width, height: shares.height, cells: cells.collect() }
}

/// The digit on a grid of [`FINE`] cells a pixel, its longer side `length` cells, in the middle.
fn fine(ink: &Grid<f32>, digit: &Digit, length: usize) -> Grid<f32> {
    let side = SIDE * FINE;
    let bounds = &digit.bounds;
    let scale = length as f32 / bounds.longer_side() as f32;
    // A square around the digit's bounds that becomes the whole grid.
    let square = side as f32 / scale;
    let left = (bounds.left + bounds.right + 1) as f32 / 2.0 - square / 2.0;
    let top = (bounds.top + bounds.bottom + 1) as f32 / 2.0 - square / 2.0;
    sampled(ink, [left, top], square, side)
}

/// A square of `ink` as a grid of `side` cells a side, the mean of what each cell covers.
fn sampled(ink: &Grid<f32>, [left, top]: [f32; 2], square: f32, side: usize) -> Grid<f32> {
    // Whole cells around the square, outside the picture nothing.
    let margin = 2.0;
    let (from_x, from_y) = ((left - margin).floor(), (top - margin).floor());
    let count = (square + 2.0 * margin).ceil() as u32 + 1;
    let padded = ImageBuffer::<Luma<f32>, Vec<f32>>::from_fn(count, count, |x, y| {
        let (x, y) = (from_x as i64 + i64::from(x), from_y as i64 + i64::from(y));
        let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|&at| at < size);
        let value = inside(x, ink.width).zip(inside(y, ink.height)).map_or(0.0, |(x, y)| ink.at(x, y));
        Luma([value])
    });
    let cells = count as f32 / square * side as f32;
    let enlarged =
        imageops::resize(&padded, cells.round() as u32, cells.round() as u32, FilterType::Triangle);
    let offset = |from: f32, start: f32| ((start - from) / square * side as f32).round() as u32;
    let (x0, y0) = (offset(from_x, left), offset(from_y, top));
    Grid::from_fn(side, side, |x, y| {
        let (x, y) = (x as u32 + x0, y as u32 + y0);
        if x < enlarged.width() && y < enlarged.height() { enlarged.get_pixel(x, y).0[0] } else { 0.0 }
    })
}

/// Brings the centre of mass to MNIST's place and means over the fine cells of each pixel.
fn centred(fine: &Grid<f32>) -> Vec<u8> {
    let [x, y] = centre_of_mass(fine);
    let shift = |centre: f32| (CENTRE * FINE as f32 - (centre + 0.5)).round() as isize;
    let (right, down) = (shift(x), shift(y));
    let from = |at: usize, shift: isize| at.checked_add_signed(-shift).filter(|&at| at < fine.width);
    let mut pixels = vec![0.0f32; SIDE * SIDE];
    for row in 0..fine.height {
        for column in 0..fine.width {
            if let (Some(x), Some(y)) = (from(column, right), from(row, down)) {
                pixels[row / FINE * SIDE + column / FINE] += fine.at(x, y);
            }
        }
    }
    let most = pixels.iter().fold(0.0f32, |most, &value| most.max(value)).max(f32::MIN_POSITIVE);
    pixels.iter().map(|value| (value / most * 255.0).round() as u8).collect()
}
