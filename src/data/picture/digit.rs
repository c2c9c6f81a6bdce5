//! Which pieces of ink are the digit, and whether there is more than one.

use super::grid::{Bounds, Grid};
use super::pieces::{self, Piece};

/// Sizes and gaps are shares of the longer side of the largest piece.
/// Anything shorter is a speck, unless it all but touches the digit.
const SPECK: f32 = 0.12;
const TOUCHING: f32 = 0.05;
/// A stroke this near belongs to the digit.
const NEAR: f32 = 0.3;
/// What is at least so high stands for a digit of its own.
const DIGIT: f32 = 0.55;
/// How much less a piece counts that the picture's edge cuts: a table beside the paper, the next digit.
const CUT: f32 = 0.1;
/// No digit of MNIST's is wider than this, over its height.
const WIDEST: f32 = 2.0;

/// The ink of the digit, specks left out.
#[derive(Debug)]
pub(super) struct Digit {
    pub mask: Grid<bool>,
    pub bounds: Bounds,
    /// Pieces that were left out, and the ink in them over the digit's.
    pub dropped: usize,
    pub dropped_ink: f32,
    /// Why the answer may be none.
    pub doubts: Vec<String>,
}

impl Digit {
    /// Whether it touches an edge of the picture.
    pub(super) fn touches_edge(&self) -> bool {
        let Bounds { left, right, top, bottom } = self.bounds;
        left == 0 || top == 0 || right + 1 == self.mask.width || bottom + 1 == self.mask.height
    }
}

/// Finds the digit; `None` without ink.
pub(super) fn find(mask: &Grid<bool>) -> Option<Digit> {
    let mut rest = pieces::all(mask);
    let largest = rest.iter().enumerate().max_by(|a, b| weight(a.1, mask).total_cmp(&weight(b.1, mask)))?.0;
    let mut strokes = vec![rest.swap_remove(largest)];
    let side = strokes[0].bounds.longer_side() as f32;
    let mut bounds = strokes[0].bounds;
    // A piece that is taken may bring others near. Pass by pass: of noise there are a hundred thousand pieces.
    loop {
        let before = strokes.len();
        for piece in std::mem::take(&mut rest) {
            if belongs(&piece, &bounds, side) {
                bounds = bounds.with(&piece.bounds);
                strokes.push(piece);
            } else {
                rest.push(piece);
            }
        }
        if strokes.len() == before {
            break;
        }
    }
    let doubts = doubts(&strokes, &rest, &bounds, side);
    let cells = |pieces: &[Piece]| pieces.iter().map(|piece| piece.cells.len()).sum::<usize>() as f32;
    let dropped_ink = cells(&rest) / cells(&strokes);
    let mask = pieces::mask_of(&strokes, mask.width, mask.height);
    Some(Digit { mask, bounds, dropped: rest.len(), dropped_ink, doubts })
}

/// How much a piece counts as the digit: its ink, less if the edge cuts it.
fn weight(piece: &Piece, mask: &Grid<bool>) -> f32 {
    let ink = piece.cells.len() as f32;
    if piece.touches_border(mask) { CUT * ink } else { ink }
}

fn belongs(piece: &Piece, digit: &Bounds, side: f32) -> bool {
    let gap = digit.gap_to(&piece.bounds) as f32;
    let long = piece.bounds.longer_side() as f32;
    gap <= TOUCHING * side || (long >= SPECK * side && gap <= NEAR * side)
}

fn doubts(strokes: &[Piece], rest: &[Piece], bounds: &Bounds, side: f32) -> Vec<String> {
    let tallest = strokes.iter().map(|stroke| stroke.bounds.height()).max().unwrap_or(0) as f32;
    let mut columns: Vec<&Bounds> =
        strokes.iter().map(|s| &s.bounds).filter(|b| b.height() as f32 >= DIGIT * tallest).collect();
    columns.sort_by_key(|b| b.left);
    // Strokes that stand side by side, none above another.
    let (mut standing, mut right) = (0, None);
    for column in columns {
        standing += usize::from(right.is_none_or(|right| column.left > right));
        right = right.max(Some(column.right));
    }
    let is_digit = |height: f32| height >= DIGIT * side && height * DIGIT <= side;
    let elsewhere = rest.iter().filter(|piece| is_digit(piece.bounds.height() as f32)).count();
    let mut doubts = Vec::new();
    if standing + elsewhere > 1 {
        doubts.push(format!(
            "the picture seems to show {} digits: cut out the one to read",
            standing + elsewhere
        ));
    } else if bounds.width() as f32 > WIDEST * bounds.height() as f32 {
        doubts.push("the ink is wider than a digit: if it is more than one, cut out the one to read".into());
    }
    doubts
}
