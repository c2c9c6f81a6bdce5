//! Files with random damage are refused or read, and never stop the program.

use super::tests::{network, saved};
use super::*;
use crate::random::{Purpose, Random};

const MUTATIONS: u32 = 300;

/// A copy of `file` with one to four damages: most in the header, where the structure is.
fn mutated(file: &[u8], random: &mut Random) -> Vec<u8> {
    let header = 8 + u64::from_le_bytes(*file.first_chunk().unwrap()) as usize;
    let mut copy = file.to_vec();
    for _ in 0..=random.below(4) {
        let within = if random.below(4) == 0 { copy.len() } else { header.min(copy.len()) };
        let Some(at) = (within > 0).then(|| random.below(within as u32) as usize) else { break };
        let byte = random.below(256) as u8;
        match random.below(8) {
            0 => copy.truncate(at),
            1 => copy.insert(at, byte),
            2 => drop(copy.remove(at)),
            3 => copy[at] ^= 1 << (byte % 8),
            4 => copy[at] = b"0123456789{}[],:\"\\"[usize::from(byte) % 18],
            5 => copy[at..].iter_mut().take(8).for_each(|place| *place = byte),
            6 => copy[at % 8] = byte,
            _ => copy[at] = byte,
        }
    }
    copy
}

#[test]
fn damaged_files_are_refused_or_read() {
    let (folder, path, _) = saved();
    let file = std::fs::read(path).unwrap();
    let (network, odd) = (network(), folder.path().join("odd"));
    let mut random = Random::new(1, Purpose::Test, 0);
    let mut refused = 0;
    for _ in 0..MUTATIONS {
        std::fs::write(&odd, mutated(&file, &mut random)).unwrap();
        match load(&odd, &network) {
            Ok(model) => assert!(model.parameters.iter().all(|value| value.is_finite())),
            Err(error) => {
                assert_eq!(error.exit_code(), 4, "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > MUTATIONS / 2 && refused < MUTATIONS, "{refused}");
}
