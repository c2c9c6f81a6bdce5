//! Pictures of digits.

use digit_adder::data::PIXELS;
use digit_adder::data::picture::{Prepared, Style, drawing, from_bytes, is_picture, png};

use super::{NAME, refused};

/// More ink than this is no ground any more: MNIST's form has at least half of its pixels below it.
const GROUND: u8 = 8;

/// A picture comes out with 28 x 28 pixels and full ink, or is refused. What came out can be saved and read again;
/// where it has MNIST's form it comes back as it is. Returns whether it was read.
pub fn check(bytes: &[u8]) -> bool {
    let read = from_bytes(NAME, bytes);
    match &read {
        Ok(prepared) => {
            assert!(is_picture(bytes), "read, but not known as a picture");
            sound(prepared);
            read_again(&prepared.pixels);
        }
        Err(error) => refused(error, 4),
    }
    read.is_ok()
}

fn read_again(pixels: &[u8]) {
    match from_bytes(NAME, &png(pixels).unwrap()) {
        Ok(again) => {
            sound(&again);
            if again.steps.iter().any(|step| step.name == "form") {
                assert_eq!(again.pixels, pixels);
            }
        }
        Err(error) => {
            refused(&error, 4);
            // No digit has more ink than ground. What has may be taken for paper, and its ground for the ink.
            let inked = pixels.iter().filter(|&&ink| ink > GROUND).count();
            assert!(2 * inked > PIXELS, "{inked} pixels of ink, and {error}");
        }
    }
}

fn sound(Prepared { pixels, steps, warnings }: &Prepared) {
    assert_eq!(pixels.len(), PIXELS);
    assert!(pixels.iter().any(|&ink| ink >= 160), "no ink");
    assert!(!steps.is_empty());
    for text in steps.iter().map(|step| &step.note).chain(warnings) {
        assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
    }
    for style in [Style::Blocks, Style::Ascii] {
        assert_eq!(drawing(pixels, style).lines().count(), 14);
    }
}
