//! The orientation that a PNG or TIFF states: our version of `image` passes on that of other formats only.

use image::metadata::Orientation;

const SIGNATURE: usize = 8;
/// The tag of the orientation, and its type, a 16-bit number.
const ORIENTATION: u16 = 0x112;
const SHORT: u16 = 3;

/// What the `eXIf` chunk of a PNG says; `None` where it says nothing.
pub(super) fn of_png(file: &[u8]) -> Option<Orientation> {
    let mut rest = file.get(SIGNATURE..)?;
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let (chunk, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if kind == b"eXIf" {
            return of_tags(chunk);
        }
        rest = after.get(4..)?; // The checksum.
    }
}

/// The orientation in the first folder of a TIFF, be it a file or what another file carries.
pub(super) fn of_tags(tiff: &[u8]) -> Option<Orientation> {
    let big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let two = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let (high, low) = if big { (two(4)?, two(6)?) } else { (two(6)?, two(4)?) };
    let folder = (usize::from(high) << 16) + usize::from(low);
    let entries = (0..usize::from(two(folder)?)).map(|i| folder + 2 + 12 * i);
    for entry in entries {
        if (two(entry)?, two(entry + 2)?) == (ORIENTATION, SHORT) {
            return Orientation::from_exif(u8::try_from(two(entry + 8)?).ok()?);
        }
    }
    None
}
