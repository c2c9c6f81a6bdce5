//! Takes the light off the paper: what is left is how much of it the ink swallows.

use super::grid::{Grid, quantile};

/// Tiles along the longer side in which the paper's brightness is measured.
const TILES: usize = 24;
/// Ink may cover so many tiles on either side of a tile and still not be taken for paper.
const REACH: usize = 4;
/// The share of a tile's values that lie below its paper.
const PAPER: f64 = 0.25;
/// Paper is never taken to be brighter than this: where there is no room above it, grain is all there is.
const BRIGHTEST_PAPER: f32 = 175.0;

/// From bright ink, 0-255, to the share of the range between paper and full ink: 0 is paper, 1 ink.
/// The paper's brightness may change softly from place to place.
pub(super) fn removed(ink: &Grid<f32>) -> Grid<f32> {
    let paper = paper(ink);
    let share = |(ink, paper): (&f32, &f32)| ((ink - paper) / (255.0 - paper.min(BRIGHTEST_PAPER))).min(1.0);
    let cells = ink.cells.iter().zip(&paper.cells).map(share).collect();
    Grid { width: ink.width, height: ink.height, cells }
}

/// The paper's brightness at each pixel.
fn paper(ink: &Grid<f32>) -> Grid<f32> {
    let tile = ink.longer_side().div_ceil(TILES).max(1);
    let tiles = Grid::from_fn(ink.width.div_ceil(tile), ink.height.div_ceil(tile), |column, row| {
        let rows = row * tile..((row + 1) * tile).min(ink.height);
        let columns = column * tile..((column + 1) * tile).min(ink.width);
        let mut values: Vec<f32> =
            rows.flat_map(|y| &ink.cells[y * ink.width..][columns.clone()]).copied().collect();
        quantile(&mut values, PAPER)
    });
    // Bright spots that are narrower than twice the reach are strokes: filled with what is around.
    let continued = continued(&tiles, REACH);
    let opened = continued.opened(REACH);
    let opened = Grid::from_fn(tiles.width, tiles.height, |x, y| opened.at(x + REACH, y + REACH));
    smoothly_enlarged(&opened, tile, ink.width, ink.height)
}

/// `margin` more tiles on each side, in which the light goes on rising or falling as it does within.
fn continued(tiles: &Grid<f32>, margin: usize) -> Grid<f32> {
    let along_rows = |tiles: &Grid<f32>| {
        let last = tiles.width - 1;
        Grid::from_fn(tiles.width + 2 * margin, tiles.height, |x, y| {
            let inside = x.saturating_sub(margin).min(last);
            let beyond = x.abs_diff(inside + margin);
            let mirrored = if x < margin { beyond.min(last) } else { inside - beyond.min(inside) };
            2.0 * tiles.at(inside, y) - tiles.at(mirrored, y)
        })
        .transposed()
    };
    along_rows(&along_rows(tiles))
}

/// Each tile's value at its middle, straight lines between.
fn smoothly_enlarged(tiles: &Grid<f32>, tile: usize, width: usize, height: usize) -> Grid<f32> {
    let place = |at: usize, count: usize| {
        let exact = ((at as f32 + 0.5) / tile as f32 - 0.5).clamp(0.0, (count - 1) as f32);
        let first = exact as usize;
        (first, (first + 1).min(count - 1), exact - first as f32)
    };
    let columns: Vec<_> = (0..width).map(|x| place(x, tiles.width)).collect();
    let rows: Vec<_> = (0..height).map(|y| place(y, tiles.height)).collect();
    Grid::from_fn(width, height, |x, y| {
        let ((left, right, across), (top, bottom, down)) = (columns[x], rows[y]);
        let between = |row: usize| tiles.at(left, row) * (1.0 - across) + tiles.at(right, row) * across;
        between(top) * (1.0 - down) + between(bottom) * down
    })
}
