//! Images changed at random: turned, sized, slanted, shifted and bent.

use super::Real;
use crate::data::{Augment, PIXELS, SIDE};

/// Pixels between two knots of the lattice that bends an image.
pub(crate) const CELL: usize = 8;
/// Knots that move the pixels of an image, in each direction: four around each pixel.
pub(crate) const KNOTS: usize = (SIDE - 1) / CELL + 4;
/// Draws from one row of knots to the next.
const ROW_OF_DRAWS: usize = 16;

/// Image `n` of the training set after its change, `[28, 28]`, in grey values that are not rounded yet:
///
/// ```text
/// u(draw) = pcg4d(n, draw, key[0], key[1]), four numbers in [-1, 1)
/// [turn, size, slant, _] = u(0);  [right, down, _, _] = u(1)
/// A = (1 + scale * size) * [cos -sin; sin cos](rotation * turn) * [1, shear * slant; 0, 1]
/// (x, y) = M + A * ((c, r) - M) + shift * (right, down) + elastic * bend(c, r), with M = (13.5, 13.5)
/// ```
///
/// and [`bilinear`] gives its pixel at row `r` and column `c`. `bend` is the uniform cubic B-spline over knots
/// 8 pixels apart, each moved by `[u_0, u_1]` of a draw of its own.
pub fn forward<T: Real>(amount: &Augment, image: &[u8], n: u32, key: [u32; 2]) -> Vec<T> {
    assert_eq!(image.len(), PIXELS, "augment: length of image");
    let Map { middle, shift, sin, cos, slant } = Map::new(amount, n, key);
    let bent = T::of(f64::from(amount.elastic));
    let lattice = (amount.elastic > 0.0).then(|| Lattice::new(n, key));
    let pixel = |at: usize| {
        let (row, column) = (at / SIDE, at % SIDE);
        let down = T::of(row as f64) - middle;
        let right = T::of(column as f64) - middle + slant * down;
        let [bend_x, bend_y] = lattice.as_ref().map_or([T::zero(); 2], |lattice| lattice.bend(row, column));
        let x = middle + shift[0] + cos * right - sin * down + bent * bend_x;
        let y = middle + shift[1] + sin * right + cos * down + bent * bend_y;
        bilinear(image, x, y)
    };
    (0..PIXELS).map(pixel).collect()
}

/// The same, as grey values.
pub fn rounded(amount: &Augment, image: &[u8], n: u32, key: [u32; 2]) -> Vec<u8> {
    forward::<f32>(amount, image, n, key).into_iter().map(|grey| (grey + 0.5) as u8).collect()
}

/// What of the formula above is the same for all pixels of an image.
pub(crate) struct Map<T> {
    /// The middle of the image, in both directions.
    pub middle: T,
    /// How far it is shifted, to the right and down.
    pub shift: [T; 2],
    /// Of its turn, times its size.
    pub sin: T,
    /// The same.
    pub cos: T,
    /// How far it is slanted.
    pub slant: T,
}

impl<T: Real> Map<T> {
    /// That of image `n`.
    pub(crate) fn new(amount: &Augment, n: u32, key: [u32; 2]) -> Self {
        let [turn, size, slant, _] = draw::<T>(n, 0, key);
        let [right, down, ..] = draw::<T>(n, 1, key);
        let angle = T::of(f64::from(amount.rotation.to_radians())) * turn;
        let scale = T::one() + T::of(f64::from(amount.scale)) * size;
        let most = T::of(f64::from(amount.shift));
        Self {
            middle: T::of((SIDE - 1) as f64 / 2.0),
            shift: [most * right, most * down],
            sin: scale * angle.sin(),
            cos: scale * angle.cos(),
            slant: T::of(f64::from(amount.shear)) * slant,
        }
    }
}

/// The grey value of an image `[28, 28]` at column `x` and row `y`, between the four pixels around it by their
/// distance; 0 outside.
pub fn bilinear<T: Real>(image: &[u8], x: T, y: T) -> T {
    let grey = |row: f64, column: f64| {
        let inside = |at: f64| (0.0..SIDE as f64).contains(&at);
        match inside(row) && inside(column) {
            true => T::of(f64::from(image[row as usize * SIDE + column as usize])),
            false => T::zero(),
        }
    };
    let (left, top) = (x.floor(), y.floor());
    let (part_x, part_y) = (x - left, y - top);
    let (left, top) = (left.wide(), top.wide());
    let mix = |first: T, second: T, part: T| first * (T::one() - part) + second * part;
    let above = mix(grey(top, left), grey(top, left + 1.0), part_x);
    let below = mix(grey(top + 1.0, left), grey(top + 1.0, left + 1.0), part_x);
    mix(above, below, part_y)
}

/// The lattice that bends an image: what it says of a pixel is drawn once for all pixels.
pub(crate) struct Lattice<T> {
    /// How far each knot is moved, if it is moved by up to 1: to the right, and down.
    pub knots: [[T; 2]; KNOTS * KNOTS],
    /// [`spline`] at each place of a cell.
    pub weights: [[T; 4]; CELL],
}

impl<T: Real> Lattice<T> {
    /// That of image `n`.
    pub(crate) fn new(n: u32, key: [u32; 2]) -> Self {
        let knot = |at: usize| {
            let [right, down, ..] = draw(n, (2 + at / KNOTS * ROW_OF_DRAWS + at % KNOTS) as u32, key);
            [right, down]
        };
        Self {
            knots: std::array::from_fn(knot),
            weights: std::array::from_fn(|at| spline(T::of(at as f64 / CELL as f64))),
        }
    }

    /// Where it has moved a pixel.
    fn bend(&self, row: usize, column: usize) -> [T; 2] {
        let first = KNOTS * (row / CELL) + column / CELL;
        let mut sum = [T::zero(); 2];
        for (i, by_row) in self.weights[row % CELL].into_iter().enumerate() {
            for (j, by_column) in self.weights[column % CELL].into_iter().enumerate() {
                let knot = self.knots[first + KNOTS * i + j];
                sum[0] += by_row * by_column * knot[0];
                sum[1] += by_row * by_column * knot[1];
            }
        }
        sum
    }
}

/// Weights of the four knots around a place, `t` cells after the second of them.
fn spline<T: Real>(t: T) -> [T; 4] {
    let [one, three, four, six] = [1.0, 3.0, 4.0, 6.0].map(T::of);
    let (t2, t3) = (t * t, t * t * t);
    [
        (one - t).powi(3) / six,
        (three * t3 - six * t2 + four) / six,
        (-three * t3 + three * t2 + three * t + one) / six,
        t3 / six,
    ]
}

/// Four numbers in [-1, 1), multiples of 2^-23: those of image `n`.
fn draw<T: Real>(n: u32, draw: u32, key: [u32; 2]) -> [T; 4] {
    pcg4d([n, draw, key[0], key[1]]).map(|word| T::of(f64::from(word >> 8) / f64::from(1 << 23) - 1.0))
}

/// The hash of Jarzynski and Olano (2020, "Hash Functions for GPU Rendering"): four words of random bits for
/// four words that count.
fn pcg4d(v: [u32; 4]) -> [u32; 4] {
    let mut v = v.map(|word| word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let mix = |v: &mut [u32; 4]| {
        for (to, [a, b]) in [[1, 3], [2, 0], [0, 1], [1, 2]].into_iter().enumerate() {
            v[to] = v[to].wrapping_add(v[a].wrapping_mul(v[b]));
        }
    };
    mix(&mut v);
    v = v.map(|word| word ^ word >> 16);
    mix(&mut v);
    v
}
