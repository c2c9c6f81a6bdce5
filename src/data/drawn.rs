//! Drawn digits: a built-in set like MNIST in size and form, for when MNIST is not available.
//!
//! Each image is written separately: a hand is chosen, its points shaken, the whole bent, slanted, turned
//! and, as MNIST's digits are, fitted into 20 x 20 pixels and centred by its ink in 28 x 28. Every
//! image has its own random stream, so they are drawn in parallel with the same result. Only
//! operations that IEEE 754 defines exactly are used (no sine, no exponential): a seed gives the same
//! bytes on every machine.

use rayon::prelude::*;

use super::strokes::{HANDS, Stroke};
use super::{Dataset, PIXELS, SIDE, Split};
use crate::random::{Purpose, Random};

/// Images to train on and to test on.
pub(super) const TRAIN: u32 = 60_000;
pub(super) const TEST: u32 = 10_000;
/// Straight pieces of the curve between two points.
const PIECES: usize = 6;
/// Free columns and rows at the edge of an image.
const MARGIN: f32 = 1.0;

/// The drawn digits of a seed: 60,000 to train on and 10,000 to test on, every digit equally often and
/// no image in both.
pub fn drawn_digits(seed: u64) -> Dataset {
    drawn(seed, [TRAIN, TEST])
}

/// The same in another number, each at most that of [`drawn_digits`]: of the test set, the same images, if not in
/// the same order.
pub fn drawn(seed: u64, [train, test]: [u32; 2]) -> Dataset {
    Dataset {
        origin: format!("drawn digits (built in, seed {seed})"),
        train: split(seed, 0, train),
        validation: Split::default(),
        test: split(seed, TRAIN, test),
    }
}

/// `count` images from the streams `first..first + count`.
fn split(seed: u64, first: u32, count: u32) -> Split {
    // Counted down from the last stream, clear of the images'.
    let mut shuffle = Random::new(seed, Purpose::Drawing, u32::MAX - first);
    let labels: Vec<u8> = shuffle.permutation(count).into_iter().map(|place| (place % 10) as u8).collect();
    let mut images = vec![0; labels.len() * PIXELS];
    images.par_chunks_mut(PIXELS).zip(&labels).zip(first..first + count).for_each(
        |((image, &digit), index)| {
            image.copy_from_slice(&draw(digit, &mut Random::new(seed, Purpose::Drawing, index)));
        },
    );
    Split::sound(images, labels)
}

/// Draws a digit, 0-9 (larger numbers wrap around).
pub fn draw(digit: u8, random: &mut Random) -> [u8; PIXELS] {
    let mut strokes: Vec<Vec<[f32; 2]>> =
        choose_hand(digit, random).iter().map(|stroke| curve(stroke, random)).collect();
    distort(&mut strokes, random);
    let pen = Pen::choose(random);
    fit(&mut strokes, &pen, random);
    ink(&strokes, &pen)
}

/// Approximately normal, with mean 0 and standard deviation 1 (a sum of four uniform numbers).
fn bell(random: &mut Random) -> f32 {
    (random.unit() + random.unit() + random.unit() + random.unit() - 2.0) * 1.732_050_8
}

/// One of the ways to write a digit, the common ones more often.
fn choose_hand(digit: u8, random: &mut Random) -> &'static [Stroke] {
    let hands = HANDS[usize::from(digit) % HANDS.len()];
    let mut ticket = random.below(hands.iter().map(|(often, _)| often).sum());
    for (often, strokes) in hands {
        if ticket < *often {
            return strokes;
        }
        ticket -= often;
    }
    hands[0].1
}

/// The polyline of a stroke: its points shaken, then joined by a Catmull-Rom spline that breaks at
/// corners.
fn curve(stroke: Stroke, random: &mut Random) -> Vec<[f32; 2]> {
    let last = stroke.len() - 1;
    let points: Vec<[f32; 2]> = stroke
        .iter()
        .enumerate()
        .map(|(i, point)| {
            let shake = if i == 0 || i == last { 0.06 } else { 0.035 };
            point.at().map(|z| z + shake * bell(random))
        })
        .collect();
    let mut line = vec![points[0]];
    for i in 0..last {
        let (from, to) = (points[i], points[i + 1]);
        let mirrored = |a: [f32; 2], b: [f32; 2]| [2.0 * a[0] - b[0], 2.0 * a[1] - b[1]];
        let before = if i == 0 || stroke[i].is_corner() { mirrored(from, to) } else { points[i - 1] };
        let after =
            if i + 1 == last || stroke[i + 1].is_corner() { mirrored(to, from) } else { points[i + 2] };
        for piece in 1..=PIECES {
            let t = piece as f32 / PIECES as f32;
            line.push([0, 1].map(|z| catmull_rom([before[z], from[z], to[z], after[z]], t)));
        }
    }
    line
}

/// Between `p[1]` at t = 0 and `p[2]` at t = 1, with the slopes (p2 - p0)/2 and (p3 - p1)/2 there.
fn catmull_rom(p: [f32; 4], t: f32) -> f32 {
    let linear = p[2] - p[0];
    let square = 2.0 * p[0] - 5.0 * p[1] + 4.0 * p[2] - p[3];
    let cube = 3.0 * (p[1] - p[2]) + p[3] - p[0];
    p[1] + 0.5 * t * (linear + t * (square + t * cube))
}

/// Bends, stretches, slants and turns the whole digit about its middle.
fn distort(strokes: &mut [Vec<[f32; 2]>], random: &mut Random) {
    let bend = [0.18 * bell(random), 0.14 * bell(random)];
    let swell = [0.22 * bell(random), 0.22 * bell(random)];
    let width = 0.95 + 0.17 * bell(random);
    let slant = 0.14 + 0.23 * bell(random);
    // The tangent of half the angle: sine and cosine follow from it without a library.
    let u = 0.065 * bell(random);
    let (sin, cos) = (2.0 * u / (1.0 + u * u), (1.0 - u * u) / (1.0 + u * u));
    for point in strokes.iter_mut().flatten() {
        let (x, y) = (point[0] - 0.5, point[1] - 0.5);
        let bent_x = x * (1.0 + swell[0] * y) + bend[0] * (y * y - 0.1);
        let bent_y = y * (1.0 + swell[1] * x) + bend[1] * (x * x - 0.05);
        let slanted = width * bent_x - slant * bent_y;
        *point = [cos * slanted - sin * bent_y, sin * slanted + cos * bent_y];
    }
}

/// How the pen writes.
struct Pen {
    /// Half the width of a line, in pixels.
    radius: f32,
    /// Relative change of the radius from the start of a stroke to its middle and to its end.
    pressure: [f32; 2],
    /// Width of the grey rim, in pixels.
    rim: f32,
    /// Grey value of full ink, 0-1.
    ink: f32,
}

impl Pen {
    fn choose(random: &mut Random) -> Self {
        Self {
            radius: (1.28 + 0.36 * bell(random)).clamp(0.6, 2.3),
            pressure: [0.15, 0.18].map(|spread| (spread * bell(random)).clamp(-0.3, 0.3)),
            rim: random.between(1.0, 1.7),
            ink: random.between(0.9, 1.1),
        }
    }

    /// How far from the middle of a line there may be ink, in pixels.
    fn reach(&self) -> f32 {
        let [middle, end] = self.pressure.map(|change| change.max(0.0));
        self.radius * (1.0 + middle + end) + 0.5 * self.rim
    }

    /// The radius at a place along a stroke, from 0 to 1.
    fn radius_at(&self, along: f32) -> f32 {
        let [middle, end] = self.pressure;
        (self.radius * (1.0 + 4.0 * middle * along * (1.0 - along) + end * along)).max(0.5)
    }
}

/// Scales the digit to 20 pixels, ink included, and centres it by its ink.
fn fit(strokes: &mut [Vec<[f32; 2]>], pen: &Pen, random: &mut Random) {
    let (low, high) = bounds(strokes);
    let size = (high[0] - low[0]).max(high[1] - low[1]).max(0.1);
    let scale = (20.0 - 2.0 * pen.radius + random.between(-0.8, 0.8)) / size;
    let (mut ink, mut weight) = ([0.0f32; 2], 0.0f32);
    for stroke in strokes.iter() {
        for pair in stroke.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let length = distance([a[0] - b[0], a[1] - b[1]]);
            weight += length;
            ink = [0, 1].map(|z| ink[z] + length * 0.5 * (a[z] + b[z]));
        }
    }
    let (first, last) = (MARGIN + pen.reach(), SIDE as f32 - MARGIN - pen.reach());
    let shift = [0, 1].map(|z| {
        let centred = 0.5 * SIDE as f32 - scale * ink[z] / weight.max(1e-6) + 0.45 * bell(random);
        centred.max(first - scale * low[z]).min(last - scale * high[z])
    });
    for point in strokes.iter_mut().flatten() {
        *point = [0, 1].map(|z| scale * point[z] + shift[z]);
    }
}

/// The least and the greatest coordinates.
fn bounds(strokes: &[Vec<[f32; 2]>]) -> ([f32; 2], [f32; 2]) {
    strokes.iter().flatten().fold(([f32::MAX; 2], [f32::MIN; 2]), |(low, high), point| {
        ([0, 1].map(|z| low[z].min(point[z])), [0, 1].map(|z| high[z].max(point[z])))
    })
}

fn distance([x, y]: [f32; 2]) -> f32 {
    (x * x + y * y).sqrt()
}

/// Grey values: how far a pixel's middle lies inside the line, over the width of the rim.
fn ink(strokes: &[Vec<[f32; 2]>], pen: &Pen) -> [u8; PIXELS] {
    let mut grey = [0.0f32; PIXELS];
    for stroke in strokes {
        let pieces = (stroke.len() - 1) as f32;
        for (i, pair) in stroke.windows(2).enumerate() {
            let radii = [i, i + 1].map(|end| pen.radius_at(end as f32 / pieces));
            ink_piece(&mut grey, [pair[0], pair[1]], radii, pen);
        }
    }
    grey.map(|value| (value * 255.0 + 0.5) as u8)
}

/// One straight piece, its radius changing from `radii[0]` to `radii[1]`.
fn ink_piece(grey: &mut [f32; PIXELS], [a, b]: [[f32; 2]; 2], radii: [f32; 2], pen: &Pen) {
    let reach = radii[0].max(radii[1]) + 0.5 * pen.rim;
    let range = |z: usize| {
        let from = (a[z].min(b[z]) - reach - 0.5).max(0.0) as usize;
        let to = (a[z].max(b[z]) + reach + 0.5).max(0.0) as usize;
        from..to.min(SIDE)
    };
    let along = [b[0] - a[0], b[1] - a[1]];
    let square = (along[0] * along[0] + along[1] * along[1]).max(1e-12);
    for row in range(1) {
        for column in range(0) {
            let to = [column as f32 + 0.5 - a[0], row as f32 + 0.5 - a[1]];
            let t = ((to[0] * along[0] + to[1] * along[1]) / square).clamp(0.0, 1.0);
            let far = distance([to[0] - t * along[0], to[1] - t * along[1]]);
            let radius = radii[0] + t * (radii[1] - radii[0]);
            let inside = ((radius - far) / pen.rim + 0.5) * pen.ink;
            let pixel = &mut grey[row * SIDE + column];
            *pixel = pixel.max(inside.min(1.0));
        }
    }
}
