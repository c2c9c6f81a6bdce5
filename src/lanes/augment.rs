//! Images changed at random, see [`reference::augment`](mod@crate::reference::augment): what depends on an image, a row or a column alone is
//! computed once, and pixels outside need no question, as there is a frame of zeros around the image.

use pulp::{Simd, WithSimd};

use crate::data::{Augment, PIXELS, SIDE};
use crate::reference::augment::{self as reference, CELL, KNOTS};

/// Rows and columns of an image in its frame: one before it and three behind it.
const FRAMED: usize = SIDE + 4;

/// Image `n` of the training set after its change, in whole grey values.
pub struct Change<'a> {
    /// How far images are changed.
    pub amount: &'a Augment,
    /// Of the epoch, see [`Augment::key`].
    pub key: [u32; 2],
    /// The image's place in the training set.
    pub n: u32,
    /// It before the change, `[28, 28]`.
    pub image: &'a [u8],
    /// It after the change, `[28, 28]`.
    pub changed: &'a mut [u8],
}

impl WithSimd for Change<'_> {
    type Output = ();

    /// Plain loops: the compiler makes them vectors of the instruction set that this is compiled for.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { amount, key, n, image, changed } = self;
        assert!(image.len() == PIXELS && changed.len() == PIXELS, "augment: length of image");
        let framed = frame(image);
        let reference::Map { middle, shift, sin, cos, slant } = reference::Map::<f32>::new(amount, n, key);
        let lattice = (amount.elastic > 0.0).then(|| reference::Lattice::<f32>::new(n, key));
        let mut bends = [[0.0; SIDE]; 2];
        for (row, changed) in changed.chunks_exact_mut(SIDE).enumerate() {
            if let Some(lattice) = &lattice {
                bends = bend(lattice, row, amount.elastic);
            }
            let down = row as f32 - middle;
            let (mut corners, mut parts) = ([0; SIDE], [[0.0; SIDE]; 2]);
            for column in 0..SIDE {
                let right = column as f32 - middle + slant * down;
                let x = middle + shift[0] + cos * right - sin * down + bends[0][column];
                let y = middle + shift[1] + sin * right + cos * down + bends[1][column];
                // Counted from the frame's corner, so that no place is below 0; further out all is 0, too.
                let [x, y] = [x, y].map(|place| (place + 1.0).clamp(0.0, (SIDE + 1) as f32));
                let (left, top) = (x as i32, y as i32);
                corners[column] = top * FRAMED as i32 + left;
                parts[0][column] = x - left as f32;
                parts[1][column] = y - top as f32;
            }
            let mut around = [[0.0; SIDE]; 4];
            for (column, corner) in corners.into_iter().enumerate() {
                let pixels = &framed[corner as usize..][..FRAMED + 2];
                for (around, place) in around.iter_mut().zip([0, 1, FRAMED, FRAMED + 1]) {
                    around[column] = pixels[place];
                }
            }
            let mix = |first: f32, second: f32, part: f32| first * (1.0 - part) + second * part;
            for (column, changed) in changed.iter_mut().enumerate() {
                let above = mix(around[0][column], around[1][column], parts[0][column]);
                let below = mix(around[2][column], around[3][column], parts[0][column]);
                *changed = (mix(above, below, parts[1][column]) + 0.5) as u8;
            }
        }
    }
}

/// An image with zeros around it, `[32, 32]`: its first pixel is at row and column 1.
#[inline(always)]
fn frame(image: &[u8]) -> [f32; FRAMED * FRAMED] {
    let mut framed = [0.0; FRAMED * FRAMED];
    for (framed, row) in framed[FRAMED..].chunks_exact_mut(FRAMED).zip(image.chunks_exact(SIDE)) {
        for (framed, &grey) in framed[1..].iter_mut().zip(row) {
            *framed = f32::from(grey);
        }
    }
    framed
}

/// How far the lattice moves the pixels of a row, to the right and down, where its knots move by up to `elastic`.
#[inline(always)]
fn bend(lattice: &reference::Lattice<f32>, row: usize, elastic: f32) -> [[f32; SIDE]; 2] {
    let by_row = lattice.weights[row % CELL];
    let mut knots = [[0.0; KNOTS]; 2];
    for (i, weight) in by_row.into_iter().enumerate() {
        let row_of_knots = &lattice.knots[KNOTS * (row / CELL + i)..][..KNOTS];
        for (across, knot) in row_of_knots.iter().enumerate() {
            knots[0][across] += weight * knot[0];
            knots[1][across] += weight * knot[1];
        }
    }
    let mut bends = [[0.0; SIDE]; 2];
    for (bends, knots) in bends.iter_mut().zip(&knots) {
        for (column, bend) in bends.iter_mut().enumerate() {
            let by_column = &lattice.weights[column % CELL];
            let around = &knots[column / CELL..][..4];
            *bend = elastic * (0..4).map(|j| by_column[j] * around[j]).sum::<f32>();
        }
    }
    bends
}
