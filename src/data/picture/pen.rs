//! The width of the pen: MNIST's strokes are 2-3 pixels wide, a ball pen's often less than one.

use super::grid::Grid;

/// Strokes thinner than this are widened to it, in pixels.
const THINNEST: f32 = 2.0;

/// The mean width of the strokes in cells: twice the area over the length of the outline.
pub(super) fn width(ink: &Grid<f32>) -> f32 {
    let set = |x: usize, y: usize| ink.at(x, y) > 0.5;
    let (mut area, mut outline) = (0usize, 0usize);
    for y in 1..ink.height {
        for x in 1..ink.width {
            area += usize::from(set(x, y));
            outline += usize::from(set(x, y) != set(x - 1, y)) + usize::from(set(x, y) != set(x, y - 1));
        }
    }
    // Steps along rows and columns are longer than the outline, by 4/pi for a circle.
    2.0 * area as f32 / (outline.max(1) as f32 * std::f32::consts::FRAC_PI_4)
}

/// How much wider strokes of a width are to be, in pixels.
pub(super) fn widening(width: f32) -> f32 {
    (THINNEST - width).max(0.0)
}

/// Every cell becomes the brightest within a disc.
pub(super) fn widened(ink: &Grid<f32>, radius: usize) -> Grid<f32> {
    let reach = radius as isize;
    let disc: Vec<(isize, isize)> = (-reach..=reach)
        .flat_map(|y| (-reach..=reach).map(move |x| (x, y)))
        .filter(|(x, y)| x * x + y * y <= reach * reach)
        .collect();
    Grid::from_fn(ink.width, ink.height, |x, y| {
        let near = disc.iter().filter_map(|&(across, down)| {
            let (x, y) = (x.checked_add_signed(across)?, y.checked_add_signed(down)?);
            (x < ink.width && y < ink.height).then(|| ink.at(x, y))
        });
        near.fold(0.0, f32::max)
    })
}
