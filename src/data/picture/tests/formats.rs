//! Every format and depth is read by content, and what cannot be read is named.

use super::*;

#[test]
fn every_depth_is_read() {
    for bits in [8, 10, 12, 16] {
        assert_restored("bits", 1.5, |p| {
            let scale = ((1u32 << bits) - 1) as f32 / 255.0;
            let value = |x, y| Luma([(f32::from(p.get_pixel(x, y).0[0]) * scale) as u16]);
            ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(p.width(), p.height(), value).into()
        });
    }
}

#[test]
fn every_format_is_read_by_content() {
    use ImageFormat::{Bmp, Gif, Jpeg, Pnm, Tiff, WebP};
    let image = paper(3);
    let expected = prepared(image.clone());
    for format in [Bmp, Gif, Jpeg, Pnm, Tiff, WebP] {
        let rgb = DynamicImage::from(image.clone()).into_rgba8();
        let bytes = match format {
            Jpeg | Pnm => file(DynamicImage::from(rgb).into_rgb8(), format),
            _ => file(rgb, format),
        };
        let found = from_bytes("named.png", &bytes).unwrap();
        assert!(difference(&expected, &found) < 1.0, "{format:?}");
        for length in [0, 1, 10] {
            refusal(&bytes[..length]);
        }
        match from_bytes("half.png", &bytes[..bytes.len() / 2]) {
            Ok(half) => assert!(half.warnings[0].contains("cut off"), "{format:?}"),
            Err(error) => assert!(error.to_string().starts_with("half.png: "), "{format:?}"),
        }
    }
}

#[test]
fn a_png_is_turned_as_its_exif_says() {
    let expected = prepared(paper(7));
    let turned = image::imageops::rotate270(&paper(7));
    let bytes = file(turned, ImageFormat::Png);
    // Behind the header chunk: a TIFF folder of one entry, orientation 6. The checksum is not looked at.
    let tags = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let chunk = [&(tags.len() as u32).to_be_bytes()[..], b"eXIf", tags].concat();
    let sum = flate2::Crc::new();
    let sum = {
        let mut sum = sum;
        sum.update(&chunk[4..]);
        sum.sum()
    };
    let found = [&bytes[..33], &chunk, &sum.to_be_bytes(), &bytes[33..]].concat();
    let found = from_bytes("it", &found).unwrap();
    assert!(has(&found, "orientation"));
    assert!(difference(&expected, &found) < 0.5);
}

/// The parts of a PNG: each chunk's name and content.
fn chunks(png: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut chunks, mut rest) = (Vec::new(), &png[8..]);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        chunks.push((after[..4].to_vec(), after[4..4 + length].to_vec()));
        rest = &after[8 + length..];
    }
    chunks
}

fn png_of(chunks: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in chunks {
        let mut sum = flate2::Crc::new();
        sum.update(name);
        sum.update(content);
        png.extend((content.len() as u32).to_be_bytes());
        png.extend([name.as_slice(), content, &sum.sum().to_be_bytes()].concat());
    }
    png
}

#[test]
fn the_checksum_over_the_pixels_of_a_png_counts() {
    let rgba = DynamicImage::from(paper(2)).into_rgba16();
    for image in [DynamicImage::from(paper(2)), rgba.into()] {
        let bytes = file(image, ImageFormat::Png);
        let mut chunks = chunks(&bytes);
        assert_eq!(png_of(&chunks), bytes);
        let (_, data) = chunks.iter_mut().rfind(|(name, _)| name == b"IDAT").unwrap();
        *data.last_mut().unwrap() ^= 1;
        assert!(refusal(&png_of(&chunks)).contains("cannot be read as a PNG"));
    }
}

#[test]
fn a_png_of_any_colours_is_read() {
    let expected = prepared(paper(4));
    let image = DynamicImage::from(paper(4));
    let pictures = [
        DynamicImage::from(image.to_luma16()),
        image.to_luma_alpha8().into(),
        image.to_luma_alpha16().into(),
        image.to_rgb8().into(),
        image.to_rgb16().into(),
        image.to_rgba8().into(),
        image.to_rgba16().into(),
    ];
    for picture in pictures {
        assert!(difference(&expected, &prepared(picture.clone())) < 0.5, "{:?}", picture.color());
    }
}

#[test]
fn other_kinds_are_named_with_the_cure() {
    for (content, kind) in [
        (&b"\0\0\0\x18ftypheic\0\0\0\0"[..], "a HEIC file"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF file"),
        (b"%PDF-1.7", "a PDF file"),
        (b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
        (b"<!DOCTYPE html><p>", "a web page"),
        (b"\0\0\x08\x03\0\0\x27\x10", "an IDX file"),
    ] {
        let text = refusal(content);
        assert!(text.contains(kind) && text.contains("convert it to PNG"), "{text}");
    }
    assert!(refusal(b"no picture").contains("is text"));
    assert!(refusal(b"").contains("is empty"));
    assert!(refusal(b"\x01\x02\x03").contains("not a picture"));
}

#[test]
fn limits_are_told() {
    let large = vec![0; MOST_BYTES as usize + 1];
    let error = from_reader("odd.png", &large[..]).unwrap_err().to_string();
    assert!(error.contains("odd.png: has more than 64 MB, the most that is read: scale"), "{error}");
    // The header alone says so: a million by a million.
    assert!(refusal(b"P5 1000000 1000000 255\n").contains("384 MB"));
    let large = GrayImage::from_pixel(8000, 8000, Luma([255]));
    for (format, most) in [(ImageFormat::WebP, "44 MB of a WebP"), (ImageFormat::Tiff, "56 MB of a TIFF")] {
        let mut file = Cursor::new(Vec::new());
        large.write_to(&mut file, format).unwrap();
        assert!(refusal(file.get_ref()).contains(most));
    }
}

#[test]
fn a_progressive_jpeg_is_told_from_others() {
    // An application's segment, a fill byte, then the frame's marker.
    let jpeg = |frame: u8| [0xff, 0xd8, 0xff, 0xe1, 0, 4, 0xff, 0xc2, 0xff, 0xff, frame, 0, 2, 0];
    assert!(kind::is_progressive(&jpeg(0xc2)));
    assert!(!kind::is_progressive(&jpeg(0xc0)) && !kind::is_progressive(&jpeg(0xda)));
    // A segment without a length, or the file's end, is no progressive frame.
    assert!(!kind::is_progressive(&jpeg(0xe1)) && !kind::is_progressive(b"\xff\xd8"));
}

#[cfg(unix)]
#[test]
fn a_device_without_end_is_left() {
    let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(error.contains("/dev/zero") && error.contains("64 MB"), "{error}");
}

#[test]
fn a_large_picture_is_reduced_first() {
    let large = image::imageops::resize(&paper(4), 3000, 3000, image::imageops::FilterType::Triangle);
    let (expected, found) = (prepared(paper(4)), prepared(large));
    assert!(found.steps[0].note.contains("reduced"), "{:?}", found.steps);
    assert!(difference(&expected, &found) < 3.0);
}
