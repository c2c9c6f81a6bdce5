//! MNIST's files, of drawn digits, and schedules.

use std::io::Write;

use digit_adder::data::draw;
use digit_adder::network::{Loss, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::program::Tape;
use digit_adder::random::{Purpose, Random};
use digit_adder::wgsl::{Library, lower};
use flate2::{Compression, write::GzEncoder};

/// An IDX file of values of type `kind`.
fn file(kind: u8, dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dims.len() as u8];
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn idx() -> Vec<(&'static str, Vec<u8>)> {
    let mut random = Random::new(1, Purpose::Test, 0);
    let values: Vec<u8> = (3..6).flat_map(|digit| draw(digit, &mut random)).collect();
    let images = file(8, &[3, 28, 28], &values);
    let labels = file(8, &[3], &[3, 4, 5]);
    let packed = gzip(&labels);
    let (start, end) = labels.split_at(9);
    vec![
        ("good-images", images.clone()),
        ("good-labels", labels.clone()),
        ("good-images.gz", gzip(&images)),
        ("good-labels.gz", packed.clone()),
        ("good-two-members-and-padding.gz", [gzip(start), vec![0; 9], gzip(end), vec![0; 3]].concat()),
        ("bad-cut-off", images[..images.len() - 1].to_vec()),
        ("bad-oversized", [&labels[..], &[0]].concat()),
        ("bad-label", file(8, &[3], &[3, 10, 5])),
        ("bad-floats", file(0x0d, &[3], &[0; 12])),
        ("bad-many-images", file(8, &[u32::MAX, 28, 28], &values)),
        ("bad-packed-twice.gz", gzip(&packed)),
        ("bad-cut-off.gz", packed[..packed.len() - 5].to_vec()),
    ]
}

/// One op, and a training step in dispatches of the smallest network.
pub fn schedules() -> Vec<(&'static str, Vec<u8>)> {
    let mut tape = Tape::new(&[], 1);
    let x = tape.tensor("x", &[1, 4]);
    digit_adder::ops::relu::relu(&mut tape, "y", x).unwrap();
    let one = serde_json::to_string_pretty(&lower(&tape.finish(), &Library::Embedded).unwrap()).unwrap();
    let network = &*crate::targets::weights::NETWORK;
    let programs = Kind::Layered.programs(network, Loss::Logits, Adam::default(), Tiles::FAT);
    let mut step = lower(&programs.training(1).unwrap(), &Library::Embedded).unwrap();
    step.kernels.truncate(2);
    let fused =
        Kind::Fused.programs(&Sizes::default().network().unwrap(), Loss::Logits, Adam::default(), Tiles::FAT);
    let mut constants = lower(&fused.training(1).unwrap(), &Library::Embedded).unwrap();
    constants.kernels.truncate(1);
    constants
        .buffers
        .iter_mut()
        .for_each(|buffer| buffer.words.iter_mut().for_each(|words| words.truncate(9)));
    let bytes = |schedule| serde_json::to_vec(schedule).unwrap();
    vec![
        ("good-one-op.json", one.clone().into()),
        ("good-step-without-kernels.json", bytes(&step)),
        ("good-fused-one-kernel.json", bytes(&constants)),
        ("good-kernel-that-is-not-there.json", one.replace("\"kernel\": 0", "\"kernel\": 4294967296").into()),
        ("bad-negative-size.json", one.replace("\"bytes\": ", "\"bytes\": -").into()),
        ("bad-access.json", one.replace("\"read-write\"", "\"write\"").into()),
        ("bad-cut-off.json", one[..one.len() - 3].into()),
    ]
}
