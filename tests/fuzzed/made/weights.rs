//! Weights and checkpoints of the small network.

use digit_adder::train::model_file::{About, Model, to_bytes};
use digit_adder::train::{Checkpoint, Place, Recipe, State, Tally};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::targets::weights::NETWORK;

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let model = to_bytes(&NETWORK, &Model { parameters: parameters(), about: Some(about(None)) }).unwrap();
    let foreign = to_bytes(&NETWORK, &Model { parameters: parameters(), about: None }).unwrap();
    let checkpoint = checkpoint(None);
    let header = 8 + u64::from_le_bytes(*model.first_chunk().unwrap()) as usize;
    let mut infinite = model.clone();
    infinite[header..header + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let mut other_moment = checkpoint.clone();
    *other_moment.last_mut().unwrap() ^= 1;
    vec![
        ("good-model.safetensors", model.clone()),
        ("good-foreign.safetensors", foreign.clone()),
        ("good-wrapped.safetensors", renamed(&foreign, |name| Some(format!("module._orig_mod.{name}")))),
        ("good-checkpoint.safetensors", checkpoint),
        ("good-averaged.safetensors", self::checkpoint(Some(0.9))),
        ("good-weights-of-a-wrong-checkpoint.safetensors", other_moment),
        ("bad-infinite.safetensors", infinite),
        ("bad-cut-off.safetensors", model[..model.len() - 1].to_vec()),
        ("bad-one-missing.safetensors", renamed(&foreign, |name| (name != "fc1.bias").then(|| name.into()))),
        ("bad-mixed.safetensors", renamed(&foreign, |name| Some(name.replace("fc1.", "module.fc1.")))),
        ("bad-half.safetensors", half()),
        ("bad-long-header.safetensors", [&2_000_000u64.to_le_bytes()[..], b"{}"].concat()),
        ("bad-endless-header.safetensors", [&u64::MAX.to_le_bytes()[..], b"{}"].concat()),
        ("bad-pytorch.pt", b"PK\x03\x04\0\0\x08\x08\0\0model/data.pkl\x80\x02".to_vec()),
        ("bad-pickle.pth", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".to_vec()),
        ("bad-pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec()),
    ]
}

fn parameters() -> Vec<f32> {
    NETWORK.initial_parameters(1)
}

fn about(ema: Option<f32>) -> About {
    let (version, dataset) = ("0.1.0".into(), "drawn digits".into());
    let recipe = Recipe { ema, clip_norm: Some(0.5), ..Recipe::default() };
    About { version, recipe, trained_epochs: Some(1), dataset, test_sha256: None, averaged: false }
}

fn checkpoint(ema: Option<f32>) -> Vec<u8> {
    let scaled = |factor: f32| parameters().iter().map(|w| (w * factor).abs()).collect::<Vec<_>>();
    let (first_moments, second_moments) = (scaled(1e-3), scaled(1e-12));
    let average = ema.map(scaled);
    let state = State { parameters: parameters(), first_moments, second_moments, average, step: 939 };
    let tally = Tally { images: 64, heads: vec![(0.1 + 0.2, 3), (1.0 / 3.0, 4)] };
    let place = Place { epoch: 2, images: 64, tally, seconds: 0.1, log: None };
    Checkpoint { state, about: about(ema), place }.to_bytes(&NETWORK).unwrap()
}

/// A file with other names; those without one are left out.
fn renamed(file: &[u8], name: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    let tensors = SafeTensors::deserialize(file).unwrap();
    let renamed = tensors.iter().filter_map(|(old, tensor)| Some((name(old)?, tensor)));
    safetensors::serialize(renamed, None).unwrap()
}

/// A file whose numbers have two bytes.
fn half() -> Vec<u8> {
    let bytes = vec![0; 2 * NETWORK.flat_len()];
    let tensors = NETWORK.parameters().iter().map(|parameter| {
        let size = 2 * parameter.shape.iter().product::<usize>();
        let view = TensorView::new(Dtype::BF16, parameter.shape.clone(), &bytes[..size]).unwrap();
        (parameter.name.clone(), view)
    });
    safetensors::serialize(tensors, None).unwrap()
}
