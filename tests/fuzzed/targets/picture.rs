//! Pictures of digits.

use digit_adder::data::PIXELS;
use digit_adder::data::picture::{Prepared, Style, drawing, from_bytes, is_picture, png};

use super::{NAME, refused};

/// A picture comes out with 28 x 28 pixels and full ink, or is refused. What came out can be saved and read again;
/// where it has MNIST's form it comes back as it is. Returns whether it was read.
pub fn check(bytes: &[u8]) -> bool {
    let read = from_bytes(NAME, bytes);
    match &read {
        Ok(prepared) => {
            assert!(is_picture(bytes), "read, but not known as a picture");
            sound(prepared);
            let again = from_bytes(NAME, &png(&prepared.pixels).unwrap()).unwrap();
            sound(&again);
            if again.steps.iter().any(|step| step.name == "form") {
                assert_eq!(again.pixels, prepared.pixels);
            }
        }
        Err(error) => refused(error, 4),
    }
    read.is_ok()
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
