//! Whether the ink is darker or lighter than what it lies on.

use super::Step;
use super::grid::Grid;

/// Neighbourhoods that a pixel is compared with, as shares of the longer side; none is the whole picture.
const NEIGHBOURHOODS: [Option<usize>; 4] = [None, Some(2), Some(4), Some(8)];

/// A look at neighbourhoods counts if it is at least so clear; at thick strokes it misleads.
const CLEAR: f64 = 0.75;
/// Neighbourhoods of a smaller picture than this, in pixels, hold too little.
const SMALL: usize = 100;

/// Makes the ink bright. Ink is less than paper and lies far from it, so the deviations from the
/// background are skewed to its side. Light that changes over the picture hides that from a look at the
/// whole, thick strokes from a look at small neighbourhoods: the clearest of several looks counts.
pub(super) fn with_bright_ink(grey: Grid<f32>, steps: &mut Vec<Step>) -> Grid<f32> {
    let skews = NEIGHBOURHOODS.map(|share| {
        let radius = share.map_or(usize::MAX / 4, |share| (grey.longer_side() / (2 * share)).max(1));
        let skew = skewness(&grey, radius);
        let counts = skew.abs() >= CLEAR && grey.longer_side() >= SMALL;
        if share.is_none() || counts { skew } else { 0.0 }
    });
    let clearest = skews.into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
    if clearest > 0.0 {
        return grey;
    }
    steps.push(Step { name: "polarity", note: "dark ink on lighter paper: inverted".into() });
    grey.map(|value| 255.0 - value)
}

/// Third moment of the deviations from the mean around, over the spread cubed.
fn skewness(grey: &Grid<f32>, radius: usize) -> f64 {
    let around = grey.blurred(radius);
    let deviations = || grey.cells.iter().zip(&around.cells).map(|(value, mean)| f64::from(value - mean));
    let mean = |power: i32| deviations().map(|d| d.powi(power)).sum::<f64>() / grey.cells.len() as f64;
    let spread = mean(2).sqrt();
    if spread > 0.5 { mean(3) / spread.powi(3) } else { 0.0 }
}
