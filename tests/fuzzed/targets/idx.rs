//! MNIST's files.

use std::io::Write;

use digit_adder::data::idx::{Content, from_reader};
use flate2::{Compression, write::GzEncoder};

use super::{NAME, refused};

/// How many images the seeds hold.
const COUNT: usize = 3;

/// The reader returns a whole file of what was asked for, as it stands or unpacked, or refuses it. Packed, the same
/// file is read as the same. Returns whether it was read.
pub fn check(bytes: &[u8]) -> bool {
    let mut read = false;
    for content in [Content::Images, Content::Labels] {
        let raw = from_reader(NAME, bytes, content, COUNT);
        match &raw {
            Ok(file) => {
                read = true;
                assert_eq!(file.len(), content.file_len(COUNT));
                assert!(
                    file == bytes || bytes.starts_with(&[0x1f, 0x8b]),
                    "neither the file nor what is packed in it"
                );
                assert_eq!(from_reader(NAME, &file[..], content, COUNT).as_ref().ok(), Some(file));
                if content == Content::Labels {
                    assert!(file[content.header()..].iter().all(|&label| label < 10));
                }
            }
            Err(error) => refused(error, 4),
        }
        let packed = from_reader(NAME, &gzip(bytes)[..], content, COUNT);
        if bytes.starts_with(&[0x1f, 0x8b]) {
            assert!(packed.is_err(), "packed twice");
        } else {
            assert_eq!(packed.map_err(|error| error.to_string()), raw.map_err(|error| error.to_string()));
        }
    }
    read
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
