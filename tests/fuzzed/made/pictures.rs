//! A drawn digit in every format that is read.

use std::io::Cursor;

use digit_adder::data::picture::png;
use digit_adder::data::{SIDE, draw};
use digit_adder::random::{Purpose, Random};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgba, RgbaImage};

/// Of a picture, larger than a digit of MNIST's.
const WIDTH: u32 = 56;
const HEIGHT: u32 = 44;

/// Ink of the digit 0-255 at a pixel of the picture.
fn ink(digit: &[u8], x: u32, y: u32) -> u8 {
    let (x, y) = (x as usize * SIDE / WIDTH as usize, y as usize * SIDE / HEIGHT as usize);
    digit[y * SIDE + x]
}

fn file(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.into().write_to(&mut file, format).unwrap();
    file.into_inner()
}

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let digit = draw(3, &mut Random::new(2, Purpose::Test, 0));
    let paper = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([240 - x as u8 - ink(&digit, x, y) / 2]));
    let clear = RgbaImage::from_fn(WIDTH, HEIGHT, |x, y| Rgba([0, 0, 99, ink(&digit, x, y)]));
    let grey = DynamicImage::from(paper.clone());
    let jpeg = file(paper.clone(), ImageFormat::Jpeg);
    let gif = file(grey.to_rgba8(), ImageFormat::Gif);
    let pgm: String = paper.pixels().map(|pixel| format!("{} ", pixel.0[0])).collect();
    let whole = file(paper.clone(), ImageFormat::Png);
    vec![
        ("good-mnist-form.png", png(&digit).unwrap()),
        ("good-grey.png", whole.clone()),
        ("good-clear.png", file(clear, ImageFormat::Png)),
        ("good-wide.png", file(grey.to_luma16(), ImageFormat::Png)),
        ("good-cut-off.jpg", jpeg[..jpeg.len() - 40].to_vec()),
        ("good-turned.jpg", turned(&jpeg)),
        ("good-colours.bmp", file(grey.to_rgb8(), ImageFormat::Bmp)),
        ("good-lossless.webp", file(grey.to_rgb8(), ImageFormat::WebP)),
        ("good-grey.tif", file(paper.clone(), ImageFormat::Tiff)),
        ("good-grey.pgm", file(paper.clone(), ImageFormat::Pnm)),
        ("good-text.pgm", format!("P2 # a comment\n{WIDTH} {HEIGHT} 255\n{pgm}").into()),
        ("bad-blank.png", file(GrayImage::from_pixel(9, 9, Luma([200])), ImageFormat::Png)),
        ("bad-sum.png", with(whole, 70, 0xff)),
        ("bad-large.gif", with(with(gif.clone(), 7, 0xff), 9, 0xff)),
        ("good-palette.gif", gif),
        ("bad-large.pgm", b"P5 65535 65535 255\n\0\x01".to_vec()),
        ("bad-drawing.svg", b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()),
        ("bad-empty", Vec::new()),
    ]
}

fn with(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    bytes[at] = value;
    bytes
}

/// A JPEG whose Exif says that it is to be turned by a quarter.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let tags = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let (start, rest) = jpeg.split_at(2);
    let length = (tags.len() as u16 + 2).to_be_bytes();
    [start, b"\xff\xe1", &length, tags, rest].concat()
}
