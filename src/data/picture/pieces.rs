//! Pieces of ink that hang together.

use super::grid::{Bounds, Grid};

/// Cells of ink that touch by a side or a corner.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Indices into the grid's cells.
    pub cells: Vec<usize>,
    pub bounds: Bounds,
}

impl Piece {
    pub(super) fn touches_border(&self, of: &Grid<bool>) -> bool {
        let bounds = &self.bounds;
        bounds.left == 0 || bounds.top == 0 || bounds.right + 1 == of.width || bounds.bottom + 1 == of.height
    }
}

/// All pieces, from the top left.
pub(super) fn all(mask: &Grid<bool>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut left = mask.cells.clone();
    for start in 0..left.len() {
        if left[start] {
            pieces.push(taken_from(&mut left, mask.width, start));
        }
    }
    pieces
}

/// Takes out of `left` all that hangs together with the cell `start`.
fn taken_from(left: &mut [bool], width: usize, start: usize) -> Piece {
    let height = left.len() / width;
    let mut bounds = Bounds::of_point(start % width, start / width);
    let mut cells = vec![start];
    left[start] = false;
    let mut done = 0;
    while let Some(&cell) = cells.get(done) {
        let (x, y) = (cell % width, cell / width);
        bounds = bounds.with(&Bounds::of_point(x, y));
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                let next = y * width + x;
                if std::mem::take(&mut left[next]) {
                    cells.push(next);
                }
            }
        }
        done += 1;
    }
    Piece { cells, bounds }
}

/// The mask of some pieces.
pub(super) fn mask_of<'a>(
    pieces: impl IntoIterator<Item = &'a Piece>,
    width: usize,
    height: usize,
) -> Grid<bool> {
    let mut mask = Grid::filled(width, height, false);
    for &cell in pieces.into_iter().flat_map(|piece| &piece.cells) {
        mask.cells[cell] = true;
    }
    mask
}
