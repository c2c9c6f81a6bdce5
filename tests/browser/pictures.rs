//! Drawings as the page may get them: of clear canvases, clean paper, boards, and worse.

use digit_adder::data::{SIDE, draw};
use digit_adder::random::{Purpose, Random};
use image::imageops::{self, FilterType};
use image::{GrayImage, Rgba, RgbaImage};

/// The colour of a place on a ground, for a share of ink.
type Ground = fn(u32, u32, f32) -> [u8; 4];

/// Fifty drawings: each digit on each kind of ground, in ten sizes.
pub fn all() -> Vec<(String, RgbaImage)> {
    let kinds: [(&str, Ground); 5] =
        [("clear", clear), ("paper", paper), ("board", board), ("shadow", shadow), ("ruled", ruled)];
    let each = |(kind, ground): (&str, Ground)| {
        let kind = kind.to_string();
        (0..10u8).map(move |digit| (format!("{digit}, {kind}"), drawing(digit, ground)))
    };
    kinds.into_iter().flat_map(each).collect()
}

/// Two digits side by side: which one is meant?
pub fn two() -> RgbaImage {
    let (left, right) = (drawing(4, clear), drawing(2, clear));
    let mut both = RgbaImage::new(left.width() + right.width(), left.height().max(right.height()));
    imageops::replace(&mut both, &left, 0, 0);
    imageops::replace(&mut both, &right, left.width().into(), 0);
    both
}

/// A digit somewhere on a larger ground, which may be wider than high.
fn drawing(digit: u8, ground: Ground) -> RgbaImage {
    let mut random = Random::new(11, Purpose::Test, digit.into());
    let pixels = draw(digit, &mut random);
    let small = GrayImage::from_raw(SIDE as u32, SIDE as u32, pixels.to_vec()).unwrap();
    let side = 60 + 30 * random.below(9);
    let ink = imageops::resize(&small, side, side, FilterType::CatmullRom);
    let (width, height) = (side + random.below(120), side + random.below(60));
    let (left, top) = (random.below(width - side + 1), random.below(height - side + 1));
    RgbaImage::from_fn(width, height, |x, y| {
        let inside = (left..left + side).contains(&x) && (top..top + side).contains(&y);
        let share = if inside { f32::from(ink.get_pixel(x - left, y - top).0[0]) / 255.0 } else { 0.0 };
        Rgba(ground(x, y, share))
    })
}

fn grey(value: f32) -> [u8; 4] {
    let value = value.round() as u8;
    [value, value, value, 255]
}

/// As the page's own canvas: black of some opacity.
fn clear(_: u32, _: u32, ink: f32) -> [u8; 4] {
    [0, 0, 0, (255.0 * ink).round() as u8]
}

fn paper(_: u32, _: u32, ink: f32) -> [u8; 4] {
    grey(255.0 * (1.0 - ink))
}

fn board(_: u32, _: u32, ink: f32) -> [u8; 4] {
    grey(40.0 + 190.0 * ink)
}

/// A blue pen on yellowish paper that gets darker to the right.
fn shadow(x: u32, y: u32, ink: f32) -> [u8; 4] {
    let light = 1.0 - x as f32 / 900.0 + ((7 * x + 13 * y) % 11) as f32 / 200.0;
    let mixed = |paper: f32, pen: f32| (light * (paper * (1.0 - ink) + pen * ink)).clamp(0.0, 255.0) as u8;
    [mixed(235.0, 20.0), mixed(225.0, 30.0), mixed(190.0, 120.0), 255]
}

/// Squared paper.
fn ruled(x: u32, y: u32, ink: f32) -> [u8; 4] {
    let paper: f32 = if x % 30 < 2 || y % 30 < 2 { 175.0 } else { 250.0 };
    grey(paper.min(250.0 * (1.0 - ink)))
}
