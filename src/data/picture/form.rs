//! MNIST's form: the digit 20 pixels long and centred by its ink in 28 x 28, bright on black.

use super::grid::{Bounds, Grid};
use crate::data::SIDE;

/// The centre of mass of MNIST's images is between 13.5 and 14.5, counting pixels from 0.
const CENTRE: f32 = 14.0;
const OFF_CENTRE: f32 = 0.6;
/// The longer side of the ink.
const LENGTH: std::ops::RangeInclusive<usize> = 18..=21;
/// Background and ink, of 255.
const BLACK: f32 = 8.0;
const INK: f32 = 32.0;
const BRIGHT: f32 = 160.0;

/// Whether bright ink is in MNIST's form already, so that nothing is left to do.
pub(super) fn is_mnist(ink: &Grid<f32>) -> bool {
    if (ink.width, ink.height) != (SIDE, SIDE) || ink.quantile(0.5) > BLACK || ink.quantile(1.0) < BRIGHT {
        return false;
    }
    let is_long =
        Bounds::of(&ink.map(|value| value >= INK)).is_some_and(|b| LENGTH.contains(&b.longer_side()));
    let [x, y] = centre_of_mass(ink);
    is_long && (x - CENTRE).abs() <= OFF_CENTRE && (y - CENTRE).abs() <= OFF_CENTRE
}

/// Column and row of the ink's centre, counted from the middle of the first.
pub(super) fn centre_of_mass(ink: &Grid<f32>) -> [f32; 2] {
    let (mut sums, mut mass) = ([0.0f64; 2], 0.0f64);
    for (i, &value) in ink.cells.iter().enumerate() {
        let value = f64::from(value);
        sums[0] += value * (i % ink.width) as f64;
        sums[1] += value * (i / ink.width) as f64;
        mass += value;
    }
    sums.map(|sum| (sum / mass.max(f64::MIN_POSITIVE)) as f32)
}
