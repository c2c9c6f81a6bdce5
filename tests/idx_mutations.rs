//! Whatever bytes a file holds, the IDX reader answers or refuses, without a panic.

use digit_adder::Error;
use digit_adder::data::PIXELS;
use digit_adder::data::idx::{Content, read};
use digit_adder::random::{Purpose, Random};

#[allow(dead_code)]
mod idx_files;
use idx_files::{gzip, idx};

const MUTATIONS: u32 = 400;

/// The bytes with a few of them changed, cut out, doubled or added.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        // Every second change is in the header, which is where a reader could be led astray.
        let len = bytes.len() as u32;
        let place =
            if random.below(2) == 0 { random.below(len.clamp(1, 20)) } else { random.below(len.max(1)) };
        let (place, value) = ((place as usize).min(bytes.len()), random.below(256) as u8);
        match random.below(6) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, value),
            2 => bytes.extend_from_within(place..),
            3 => bytes.iter_mut().skip(place).take(4).for_each(|byte| *byte = 0xff),
            4 => drop(bytes.drain(place..(place + usize::from(value)).min(bytes.len()))),
            _ => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= value),
        }
    }
    bytes
}

#[test]
fn mutated_files_are_read_or_refused() {
    let sound = [
        (Content::Images, idx(0x08, &[3, 28, 28], &[7; 3 * PIXELS])),
        (Content::Labels, idx(0x08, &[3], &[0, 9, 4])),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let (mut answers, mut refusals) = (0, 0);
    for n in 0..MUTATIONS {
        let mut random = Random::new(1, Purpose::Test, n);
        let (content, bytes) = &sound[random.below(2) as usize];
        // What is packed is mutated before, after or both.
        let stored = match random.below(4) {
            0 => gzip(&mutated(bytes, &mut random)),
            1 => mutated(&gzip(bytes), &mut random),
            2 => mutated(&gzip(&mutated(bytes, &mut random)), &mut random),
            _ => mutated(bytes, &mut random),
        };
        std::fs::write(&path, stored).unwrap();
        match read(&path, *content, 3) {
            Ok(bytes) => {
                assert_eq!(bytes.len(), content.file_len(3), "mutation {n}");
                answers += 1;
            }
            Err(Error::Data(message)) => {
                assert!(message.contains("file: "), "mutation {n}: {message}");
                refusals += 1;
            }
            Err(other) => panic!("mutation {n}: not a data error: {other}"),
        }
    }
    assert!(answers > MUTATIONS / 40 && refusals > MUTATIONS / 4, "{answers} answers, {refusals} refusals");
}
