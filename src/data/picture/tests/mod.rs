//! Pictures as users bring them, made from the built-in drawn digits.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

mod formats;

use super::*;
use crate::data::{PIXELS, SIDE, draw};
use crate::random::{Purpose, Random};

/// A drawn digit, bright on black, `side` pixels a side.
fn ink(digit: u8, side: u32) -> GrayImage {
    let pixels = draw(digit, &mut Random::new(7, Purpose::Drawing, u32::from(digit)));
    let image = GrayImage::from_raw(SIDE as u32, SIDE as u32, pixels.to_vec()).unwrap();
    image::imageops::resize(&image, side, side, image::imageops::FilterType::CatmullRom)
}

/// Dark ink on white, in the middle of a paper that is half as wide again.
fn paper(digit: u8) -> GrayImage {
    let digit = ink(digit, 280);
    GrayImage::from_fn(420, 420, |x, y| {
        let inside = (70..350).contains(&x) && (70..350).contains(&y);
        Luma([if inside { 255 - digit.get_pixel(x - 70, y - 70).0[0] } else { 255 }])
    })
}

fn file(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn prepared(image: impl Into<DynamicImage>) -> Prepared {
    from_bytes("it", &file(image, ImageFormat::Png)).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let error = from_bytes("odd.png", bytes).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    let text = error.to_string();
    assert!(text.starts_with("odd.png: "), "{text}");
    text
}

fn has(prepared: &Prepared, step: &str) -> bool {
    prepared.steps.iter().any(|other| other.name == step)
}

/// The mean difference of two pictures' pixels, of 255.
fn difference(a: &Prepared, b: &Prepared) -> f32 {
    assert_eq!((a.pixels.len(), b.pixels.len()), (PIXELS, PIXELS));
    let sum: u32 = a.pixels.iter().zip(&b.pixels).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
    sum as f32 / PIXELS as f32
}

/// Digits on paper that `change` spoils must be prepared about as the clean one is.
fn assert_restored(what: &str, within: f32, change: impl Fn(&GrayImage) -> DynamicImage) {
    for digit in [1, 3, 5, 8] {
        let clean = paper(digit);
        let (expected, found) = (prepared(clean.clone()), prepared(change(&clean)));
        let apart = difference(&expected, &found);
        assert!(apart <= within, "{what}, {digit}: {apart} apart, {:?}", found.steps);
        assert!(found.warnings.is_empty(), "{what}, {digit}: {:?}", found.warnings);
    }
}

fn changed(image: &GrayImage, value: impl Fn(u32, u32, f32) -> f32) -> DynamicImage {
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        Luma([value(x, y, f32::from(image.get_pixel(x, y).0[0])).round() as u8])
    })
    .into()
}

#[test]
fn mnist_form_stays_as_it_is_in_either_polarity() {
    for digit in 0..10 {
        let pixels = prepared(paper(digit)).pixels;
        let mut image = GrayImage::from_raw(SIDE as u32, SIDE as u32, pixels.clone()).unwrap();
        for _ in ["bright", "dark"] {
            let again = prepared(image.clone());
            assert!(has(&again, "form"), "{digit}: {:?}", again.steps);
            assert_eq!(again.pixels, pixels);
            image::imageops::invert(&mut image);
        }
    }
}

#[test]
fn any_other_is_twenty_pixels_long_and_centred() {
    for digit in 0..10 {
        let mut canvas = GrayImage::new(28, 28);
        image::imageops::replace(&mut canvas, &ink(digit, 16), 12, 0);
        for found in [prepared(canvas), prepared(paper(digit))] {
            let fitted = grid::Grid { width: SIDE, height: SIDE, cells: found.pixels.clone() };
            let bounds = grid::Bounds::of(&fitted.map(|value| value > 96)).unwrap();
            assert!((19..=21).contains(&bounds.longer_side()), "{digit}: {bounds:?}");
            let centre = form::centre_of_mass(&fitted.map(f32::from));
            assert!(centre.iter().all(|at| (at - 14.0).abs() < 0.2), "{digit}: {centre:?}");
            assert_eq!(found.pixels.iter().max(), Some(&255));
        }
    }
}

#[test]
fn light_and_paper_make_no_difference() {
    assert_restored("dim", 4.0, |p| changed(p, |_, _, v| 20.0 + v / 255.0 * 100.0));
    assert_restored("board", 4.0, |p| changed(p, |_, _, v| 40.0 + (255.0 - v) / 255.0 * 180.0));
    assert_restored("shadow", 4.0, |p| changed(p, |x, _, v| v * (1.0 - x as f32 / 840.0)));
    assert_restored("vignette", 4.0, |p| {
        changed(p, |x, y, v| {
            let (x, y) = (x as f32 / 420.0 - 0.5, y as f32 / 420.0 - 0.5);
            v * (1.0 - 0.9 * (x * x + y * y))
        })
    });
}

#[test]
fn lines_frames_and_specks_are_left_out() {
    let ruled = |grey: f32| move |x: u32, y: u32| if x % 30 < 2 || y % 30 < 2 { grey } else { 255.0 };
    assert_restored("squared paper", 4.0, |p| changed(p, |x, y, v| v.min(ruled(170.0)(x, y))));
    assert_restored("a darker grid", 12.0, |p| changed(p, |x, y, v| v.min(ruled(120.0)(x, y))));
    assert_restored("tilted lines", 10.0, |p| {
        changed(p, |x, y, v| v.min(if (y + x / 20) % 40 < 2 { 120.0 } else { 255.0 }))
    });
    let edge = |at: u32, from: u32| (from..from + 3).contains(&at) || (from..from + 3).contains(&(419 - at));
    assert_restored("a frame at the edge", 4.0, |p| {
        changed(p, |x, y, v| if edge(x, 0) || edge(y, 0) { 0.0 } else { v })
    });
    assert_restored("a box", 4.0, |p| {
        let inside = |x: u32, y: u32| (30..390).contains(&x) && (30..390).contains(&y);
        changed(p, |x, y, v| if (edge(x, 30) || edge(y, 30)) && inside(x, y) { 0.0 } else { v })
    });
    assert_restored("dust", 4.0, |p| {
        changed(p, |x, y, v| if x + y < 12 || x.max(y) > 410 { 40.0 } else { v })
    });
}

#[test]
fn transparency_shows_ink_of_any_colour() {
    for colour in [0, 255] {
        assert_restored("a clear canvas", 1.0, |p| {
            let pixel = |x, y| Rgba([colour, colour, colour, 255 - p.get_pixel(x, y).0[0]]);
            RgbaImage::from_fn(p.width(), p.height(), pixel).into()
        });
    }
    assert_restored("round corners", 1.0, |p| {
        RgbaImage::from_fn(p.width(), p.height(), |x, y| {
            let grey = p.get_pixel(x, y).0[0];
            Rgba([grey, grey, grey, if x + y < 40 { 0 } else { 255 }])
        })
        .into()
    });
    assert!(refusal(&file(RgbaImage::new(50, 50), ImageFormat::Png)).contains("transparent"));
}

#[test]
fn yellow_ink_is_seen() {
    assert_restored("yellow", 3.0, |p| {
        RgbImage::from_fn(p.width(), p.height(), |x, y| Rgb([255, 250, p.get_pixel(x, y).0[0]])).into()
    });
}

#[test]
fn more_than_one_digit_is_told() {
    let both = |gap: u32| {
        let (left, right) = (paper(3), paper(5));
        GrayImage::from_fn(840 - gap, 420, |x, y| {
            let a = left.get_pixel_checked(x, y).map_or(255, |p| p.0[0]);
            let b =
                x.checked_sub(420 - gap).and_then(|x| right.get_pixel_checked(x, y)).map_or(255, |p| p.0[0]);
            Luma([a.min(b)])
        })
    };
    for gap in [0, 100, 200] {
        let found = prepared(both(gap));
        assert!(
            found.warnings.iter().any(|warning| warning.contains("2 digits")),
            "{gap}: {:?}",
            found.steps
        );
    }
}

#[test]
fn a_broken_five_is_one_digit() {
    // The bar stands off to the right of the rest, above it.
    let image = GrayImage::from_fn(300, 300, |x, y| {
        let bar = (150..210).contains(&x) && (60..75).contains(&y);
        let neck = (115..130).contains(&x) && (70..140).contains(&y);
        let (across, down) = (x as f32 - 140.0, y as f32 - 180.0);
        let bow = (45.0..60.0).contains(&across.hypot(down)) && (across > -30.0 || down > 30.0);
        Luma([if bar || neck || bow { 0 } else { 255 }])
    });
    let found = prepared(image);
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    assert!(!has(&found, "specks"), "{:?}", found.steps);
}

#[test]
fn a_thin_pen_is_widened_and_a_broad_one_is_not() {
    let bar = |width: u32| {
        GrayImage::from_fn(600, 600, |x, y| {
            Luma([if x.abs_diff(300) * 2 <= width && (100..500).contains(&y) { 0 } else { 255 }])
        })
    };
    let across = |width: u32| {
        let found = prepared(bar(width));
        found.pixels[14 * SIDE..15 * SIDE].iter().map(|&value| f32::from(value)).sum::<f32>() / 255.0
    };
    assert!((1.5..=2.6).contains(&across(3)), "{}", across(3));
    assert!((4.0..=6.0).contains(&across(100)), "{}", across(100));
}

#[test]
fn a_blank_picture_is_refused() {
    for [paper, other] in [[0, 0], [230, 230], [255, 255], [128, 128], [40, 50]] {
        for side in [1, 28, 200] {
            let image =
                GrayImage::from_fn(side, side, |x, y| Luma([if (x, y) == (0, 0) { other } else { paper }]));
            let text = refusal(&file(image, ImageFormat::Png));
            assert!(text.contains("blank"), "{text}");
        }
    }
    // A photograph of nothing: grain and a soft shadow.
    let mut random = Random::new(1, Purpose::Drawing, 0);
    let grain = GrayImage::from_fn(300, 300, |x, _| {
        Luma([(220.0 - x as f32 / 5.0 + 24.0 * (random.unit() - 0.5)) as u8])
    });
    assert!(refusal(&file(grain, ImageFormat::Png)).contains("blank"));
}

#[test]
fn drawings_and_files_show_the_pixels() {
    let mut pixels = vec![0; PIXELS];
    (pixels[0], pixels[SIDE + 1]) = (255, 255);
    let blocks = drawing(&pixels, Style::Blocks);
    assert!(blocks.starts_with("\u{2580}\u{2584} "), "{blocks}");
    assert_eq!(blocks.lines().map(|line| line.chars().count()).collect::<Vec<_>>(), [SIDE; SIDE / 2]);
    assert!(drawing(&pixels, Style::Ascii).starts_with("== "));
    let back = image::load_from_memory(&png(&pixels).unwrap()).unwrap();
    assert_eq!(back.into_luma8().into_raw(), pixels);
    assert!(png(&pixels[1..]).is_err());
}

/// Noise has some hundred thousand pieces of ink, which must not be compared each with each: that takes a time that grows with their square.
#[test]
fn noise_takes_no_long_time() {
    let mut random = Random::new(3, Purpose::Test, 0);
    let noise = GrayImage::from_fn(999, 999, |_, _| Luma([if random.below(10) == 0 { 16 } else { 240 }]));
    let start = std::time::Instant::now();
    let _ = from_bytes("noise", &file(noise, ImageFormat::Png));
    assert!(start.elapsed().as_secs() < 8, "{:?}", start.elapsed());
}
