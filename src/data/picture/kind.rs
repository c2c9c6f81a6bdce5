//! What kind of file it is, by its content: names lie.

use image::ImageFormat;

/// The picture format of a file.
///
/// # Errors
/// What the file is instead, and what to do about it.
pub(super) fn of(file: &[u8]) -> Result<ImageFormat, String> {
    if file.is_empty() {
        return Err("is empty: save the picture anew".into());
    }
    match image::guess_format(file) {
        Ok(format) if is_read(format) => return Ok(format),
        _ => {}
    }
    Err(match foreign(file) {
        Some(kind) => format!("is {kind}: convert it to PNG"),
        None if is_text(file) => "is text, not a picture: give a PNG or JPEG".into(),
        None => {
            "is not a picture of a kind that is read (PNG, JPEG, BMP, GIF, WebP, TIFF or PNM): convert it to PNG"
                .into()
        }
    })
}

/// Whether a file that starts like this is a picture, be it of a kind that is read or not.
pub(super) fn is_picture(start: &[u8]) -> bool {
    image::guess_format(start).is_ok_and(is_read) || foreign(start).is_some()
}

/// Whether a JPEG lacks its end; its decoder then makes up the rest. Other decoders refuse such files.
pub(super) fn is_cut_off(file: &[u8]) -> bool {
    const START: &[u8] = b"\xff\xd8";
    const END: &[u8] = b"\xff\xd9";
    // Some cameras add data of their own after the end.
    let tail = &file[file.len().saturating_sub(64 << 10).max(file.len() / 2)..];
    file.starts_with(START) && !tail.windows(2).any(|pair| pair == END)
}

/// Whether a JPEG is progressive: its frame begins with SOF2 instead of SOF0 or SOF1 (ITU T.81, table B.1).
pub(super) fn is_progressive(file: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = file.get(at..at + 4) {
        match marker {
            0xff => at += 1,
            0xc2 => return true,
            0xc0 | 0xc1 | 0xda => return false,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    false
}

fn is_read(format: ImageFormat) -> bool {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, Pnm, Tiff, WebP};
    matches!(format, Png | Jpeg | Bmp | Gif | WebP | Tiff | Pnm)
}

/// The usual name of a format that is read.
pub(super) fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Pnm => "PNM",
        _ => "picture",
    }
}

/// Where a kind of file has its mark, the mark, and what it is called.
const FOREIGN: &[(usize, &[u8], &str)] = &[
    (4, b"ftypheic", "a HEIC file"),
    (4, b"ftypheix", "a HEIC file"),
    (4, b"ftyphevc", "a HEIC file"),
    (4, b"ftypheim", "a HEIC file"),
    (4, b"ftypmif1", "a HEIF file"),
    (4, b"ftypmsf1", "a HEIF file"),
    (4, b"ftypavif", "an AVIF file"),
    (4, b"ftypavis", "an AVIF file"),
    (4, b"ftypcrx ", "a CR3 raw file of a camera"),
    (4, b"ftypqt", "a QuickTime film"),
    (4, b"ftyp", "an MP4 film"),
    (0, b"%PDF", "a PDF file"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"gimp xcf", "a GIMP file"),
    (0, b"\xff\x0a", "a JPEG XL file"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL file"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
    (0, b"II+\0", "a BigTIFF file"),
    (0, b"MM\0+", "a BigTIFF file"),
    (0, b"\0\0\x01\0", "an icon (ICO)"),
    (0, b"\0\0\x02\0", "a mouse pointer (CUR)"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR file"),
    (0, b"#?RADIANCE", "a Radiance HDR file"),
    (0, b"qoif", "a QOI file"),
    (0, b"farbfeld", "a farbfeld file"),
    (0, b"\x0a\x05\x01", "a PCX file"),
    (0, b"FUJIFILMCCD-RAW", "a raw file of a camera"),
    (0, b"IIRO", "a raw file of a camera"),
    (0, b"PK\x03\x04", "a ZIP archive (or an office document)"),
    (0, b"\x1f\x8b", "a file packed with gzip"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\0\0\x08\x03", "an IDX file of many images, such as MNIST's,"),
];

/// What a file of another kind is, with its article.
fn foreign(file: &[u8]) -> Option<&'static str> {
    let mark =
        FOREIGN.iter().find(|(at, mark, _)| file.get(*at..).is_some_and(|rest| rest.starts_with(mark)));
    if let Some((_, _, kind)) = mark {
        return Some(kind);
    }
    let start = String::from_utf8_lossy(&file[..file.len().min(1024)]).to_lowercase();
    let holds = |tag: &str| start.contains(tag);
    match start.trim_start_matches('\u{feff}').trim_start() {
        text if !text.starts_with('<') => None,
        _ if holds("<svg") => Some("an SVG drawing"),
        _ if holds("<html") || holds("<!doctype html") => Some("a web page"),
        _ => Some("an XML file"),
    }
}

fn is_text(file: &[u8]) -> bool {
    let start = &file[..file.len().min(1024)];
    start.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r'))
}
