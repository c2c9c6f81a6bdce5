//! The IDX reader: every way in which a file can be wrong has its own message.

use digit_adder::Error;
use digit_adder::data::PIXELS;
use digit_adder::data::idx::{Content, check, read};

#[allow(dead_code)]
mod idx_files;
use idx_files::{gzip, idx};

/// Three sound images and their labels.
fn sound() -> [(Content, Vec<u8>); 2] {
    [
        (Content::Images, idx(0x08, &[3, 28, 28], &[7; 3 * PIXELS])),
        (Content::Labels, idx(0x08, &[3], &[0, 9, 4])),
    ]
}

#[test]
fn sound_files_are_read_raw_and_gzipped() {
    let folder = tempfile::tempdir().unwrap();
    for (content, bytes) in sound() {
        for stored in [bytes.clone(), gzip(&bytes)] {
            let path = folder.path().join("file");
            std::fs::write(&path, stored).unwrap();
            assert_eq!(read(&path, content, 3).unwrap(), bytes);
        }
    }
}

#[test]
fn malformed_files_are_refused() {
    use Content::{Images, Labels};
    let [(_, images), (_, labels)] = sound();
    let with = |mut bytes: Vec<u8>, place: usize, value: u8| {
        bytes[place] = value;
        bytes
    };
    let cases: [(Content, Vec<u8>, &str); 19] = [
        (Images, vec![], "truncated"),
        (Images, images[..3].to_vec(), "truncated: its 3 bytes"),
        (Images, images[..15].to_vec(), "truncated: ends inside its header"),
        (Images, images[..images.len() - 1].to_vec(), "truncated: 1 of the 2368 bytes"),
        (Labels, labels[..8].to_vec(), "truncated: 3 of the 11 bytes"),
        (Images, [&images[..], &[0]].concat(), "oversized"),
        (Labels, [&labels[..], &[0; 100]].concat(), "oversized"),
        (Images, b"<!DOCTYPE html>".to_vec(), "neither IDX nor gzip: it starts with 3c 21"),
        (Images, with(images.clone(), 1, 1), "neither IDX nor gzip"),
        (Images, with(images.clone(), 2, 0x0d), "bad magic number: IDX values of type 0x0d"),
        (Images, with(images.clone(), 3, 4), "bad magic number: 4 dimensions"),
        (Images, labels.clone(), "mislabelled: holds labels"),
        (Labels, images.clone(), "mislabelled: holds images"),
        (Images, idx(0x08, &[10_000, 28, 28], &[]), "mislabelled: holds the 10000 images of a test set"),
        (Labels, idx(0x08, &[60_000], &[]), "mislabelled: holds the 60000 labels of a training set"),
        (Images, idx(0x08, &[240_000, 28, 28], &[]), "holds 240000 images, as EMNIST's digits do"),
        (Images, idx(0x08, &[4, 28, 28], &[0; 4 * PIXELS]), "says it holds 4 images"),
        (Images, idx(0x08, &[3, 32, 28], &[0; 3 * 32 * 28]), "32 x 28 pixels"),
        (Labels, with(labels.clone(), 9, 10), "label 10 of image 1"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (content, bytes, says) in cases {
        let message = check(&bytes, content, 3).expect_err(says);
        assert!(message.contains(says), "{message:?} does not say {says:?}");
        for (name, stored) in [("a-raw-file", bytes.clone()), ("a-file.gz", gzip(&bytes))] {
            let path = folder.path().join(name);
            std::fs::write(&path, stored).unwrap();
            let message = match read(&path, content, 3) {
                Err(Error::Data(message)) => message,
                other => panic!("{other:?} instead of {says:?}"),
            };
            assert!(message.contains(says) && message.contains(name), "{message:?} does not say {says:?}");
        }
    }
}

#[test]
fn damaged_gzip_streams_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [(content, bytes), _] = sound();
    let whole = gzip(&bytes);
    let mut flipped = whole.clone();
    // In the checksum at the end, so that only it can notice.
    let place = flipped.len() - 8;
    flipped[place] ^= 1;
    let garbage = [&[0x1f, 0x8b][..], &[0x55; 200]].concat();
    for stored in [flipped, garbage, whole[..whole.len() / 2].to_vec(), whole[..whole.len() - 4].to_vec()] {
        let path = folder.path().join("file.gz");
        std::fs::write(&path, stored).unwrap();
        let message = read(&path, content, 3).unwrap_err().to_string();
        assert!(message.contains("gzip stream is truncated or damaged"), "{message:?}");
    }
}

/// As Python's `gzip` takes it.
#[test]
fn zeros_after_a_gzip_stream_are_padding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.gz");
    let [(content, bytes), _] = sound();
    let (start, end) = bytes.split_at(1000);
    let zeros = [0; 70_000];
    for stored in [
        [&gzip(&bytes)[..], &zeros].concat(),
        [gzip(start), gzip(end)].concat(),
        [&gzip(start)[..], &zeros, &gzip(end), &[0]].concat(),
    ] {
        std::fs::write(&path, stored).unwrap();
        assert_eq!(read(&path, content, 3).unwrap(), bytes);
    }
    std::fs::write(&path, [&gzip(&bytes)[..], &zeros, b"x"].concat()).unwrap();
    let message = read(&path, content, 3).unwrap_err().to_string();
    assert!(message.contains("gzip stream is truncated or damaged"), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_a_data_error() {
    let folder = tempfile::tempdir().unwrap();
    let result = read(&folder.path().join("nothing"), Content::Images, 3);
    assert!(matches!(result, Err(Error::Data(message)) if message.contains("nothing")));
}

/// Zeros pack a thousandfold, so that a small file could fill the memory.
#[test]
fn unpacking_stops_at_the_promised_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.gz");
    let mut bytes = idx(0x08, &[3], &[]);
    bytes.resize(1 << 26, 0);
    std::fs::write(&path, gzip(&bytes)).unwrap();
    let message = read(&path, Content::Labels, 3).unwrap_err().to_string();
    let words = "oversized: longer than the 11 bytes that its header promises, where reading stops";
    assert!(message.ends_with(words), "{message}");
}
