//! Lines that were on the paper before the digit: ruled and squared paper, frames.

use super::grid::Grid;
use super::pieces::{self, Piece};

/// A line is made of runs of at least this share of the picture's width.
const RUN: usize = 16;
/// A line spans this share of the picture.
const SPAN: f32 = 0.94;
/// It is thinner than this share of the picture.
const THIN: f32 = 0.06;
/// Ink that is this many times as thick as the line crosses it.
const CROSSING: f32 = 2.0;
/// What is left must be as long as this share of the picture, else the line was the digit, a 1.
const REST: f32 = 0.15;
/// A box drawn around the digit has ink along this share of its circumference.
const BOXED: f32 = 0.85;

/// Removes straight lines that go from one edge of the picture to the other, and boxes around other ink.
/// Returns how many there were.
pub(super) fn removed(mask: &mut Grid<bool>) -> usize {
    let across = lines_across(mask);
    let down = lines_across(&mask.transposed());
    let mut without = mask.clone();
    for &cell in across.iter().flatten() {
        without.cells[cell] = false;
    }
    for &cell in down.iter().flatten() {
        without.set(cell / mask.height, cell % mask.height, false);
    }
    let mut count = across.len() + down.len();
    count += boxes_removed(&mut without);
    let rest = pieces::all(&without).iter().map(|piece| piece.bounds.longer_side()).max().unwrap_or(0);
    if count == 0 || (rest as f32) < REST * mask.width.min(mask.height) as f32 {
        return 0;
    }
    *mask = without;
    count
}

/// In how many places ink meets that edge of the picture which it meets most often.
pub(super) fn crossings(mask: &Grid<bool>) -> usize {
    let runs = |edge: &[bool]| edge.chunk_by(|a, b| a == b).filter(|run| run[0]).count();
    let column = |x: usize| -> Vec<bool> { (0..mask.height).map(|y| mask.at(x, y)).collect() };
    let (top, bottom) = (&mask.cells[..mask.width], &mask.cells[mask.cells.len() - mask.width..]);
    [runs(top), runs(bottom), runs(&column(0)), runs(&column(mask.width - 1))].into_iter().max().unwrap_or(0)
}

/// The cells of each line from left to right, but for those where other ink crosses it.
fn lines_across(mask: &Grid<bool>) -> Vec<Vec<usize>> {
    let run = (mask.width / RUN).max(3);
    let lines = pieces::all(&long_runs(mask, run));
    let spans = |line: &Piece| {
        let bounds = &line.bounds;
        let thickness = line.cells.len() as f32 / bounds.width() as f32;
        bounds.width() as f32 >= SPAN * mask.width as f32 && thickness <= THIN * mask.height as f32
    };
    let lines = lines.into_iter().filter(spans);
    lines
        .map(|line| {
            let thickness = line.cells.len() as f32 / line.bounds.width() as f32;
            let crossed = |cell: &usize| thickness_at(mask, *cell) as f32 > CROSSING * thickness + 1.0;
            line.cells.iter().copied().filter(|cell| !crossed(cell)).collect()
        })
        .collect()
}

/// Only the cells in unbroken runs of a row of at least `length`.
fn long_runs(mask: &Grid<bool>, length: usize) -> Grid<bool> {
    let mut runs = Grid::filled(mask.width, mask.height, false);
    for (row, kept) in mask.cells.chunks(mask.width).zip(runs.cells.chunks_mut(mask.width)) {
        let mut start = 0;
        for part in row.chunk_by(|a, b| a == b) {
            kept[start..start + part.len()].fill(part[0] && part.len() >= length);
            start += part.len();
        }
    }
    runs
}

/// The length of the unbroken run of ink in the cell's column.
fn thickness_at(mask: &Grid<bool>, cell: usize) -> usize {
    let above = (0..=cell / mask.width).take_while(|up| mask.cells[cell - up * mask.width]).count();
    let below = (cell..mask.cells.len()).step_by(mask.width).take_while(|&cell| mask.cells[cell]).count();
    above + below - 1
}

/// Removes boxes that have other ink within.
fn boxes_removed(mask: &mut Grid<bool>) -> usize {
    let all = pieces::all(mask);
    let is_filled = |frame: &Piece| {
        let size = |piece: &Piece| piece.bounds.longer_side() as f32;
        all.iter().any(|other| other.bounds.is_within(&frame.bounds) && size(other) >= REST * size(frame))
    };
    let boxes: Vec<&Piece> = all.iter().filter(|piece| is_box(piece, mask) && is_filled(piece)).collect();
    for &cell in boxes.iter().flat_map(|frame| &frame.cells) {
        mask.cells[cell] = false;
    }
    boxes.len()
}

/// Whether a piece is a thin upright rectangle, as far as it lies near the edges of its bounds.
fn is_box(piece: &Piece, mask: &Grid<bool>) -> bool {
    let bounds = &piece.bounds;
    let near = 1 + bounds.longer_side() / 40;
    if bounds.width().min(bounds.height()) < 8 * near {
        return false;
    }
    let mut columns = [vec![false; bounds.width()], vec![false; bounds.width()]];
    let mut rows = [vec![false; bounds.height()], vec![false; bounds.height()]];
    for &cell in &piece.cells {
        let (x, y) = (cell % mask.width, cell / mask.width);
        let (across, down) = (x - bounds.left, y - bounds.top);
        columns[0][across] |= y - bounds.top < near;
        columns[1][across] |= bounds.bottom - y < near;
        rows[0][down] |= x - bounds.left < near;
        rows[1][down] |= bounds.right - x < near;
    }
    let full = |side: &Vec<bool>| side.iter().filter(|&&set| set).count() as f32 >= BOXED * side.len() as f32;
    columns.iter().all(full) && rows.iter().all(full)
}
