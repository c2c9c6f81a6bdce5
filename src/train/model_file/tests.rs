use super::*;
use crate::network::{Loss, Sizes};
use tempfile::TempDir;

fn network() -> Network {
    Sizes::default().network().unwrap()
}

fn about() -> About {
    About {
        version: "1.2.3".into(),
        recipe: Recipe { loss: Loss::DoubleSoftmax, seed: 9, ..Recipe::default() },
        trained_epochs: Some(4),
        dataset: "MNIST".into(),
        test_sha256: Some("c0ffee".into()),
        averaged: true,
    }
}

fn saved() -> (TempDir, std::path::PathBuf, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let flat = network().initial_parameters(3);
    save(&path, &network(), &flat, &about()).unwrap();
    (folder, path, flat)
}

/// Loads what `tensors` serialise to and returns the message of the error.
fn refusal(tensors: Vec<(String, TensorView)>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let error = load(&path, &network()).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    let message = error.to_string();
    assert!(message.contains("odd.safetensors"), "{message}");
    message
}

#[test]
fn a_saved_model_comes_back_bit_by_bit() {
    let (_folder, path, flat) = saved();
    let model = load(&path, &network()).unwrap();
    assert_eq!(model.about, Some(about()));
    assert!(model.parameters.iter().map(|p| p.to_bits()).eq(flat.iter().map(|p| p.to_bits())));
}

#[test]
fn what_is_in_memory_is_read_and_refused_as_a_file_is() {
    let (_folder, path, _) = saved();
    let file = std::fs::read(&path).unwrap();
    assert_eq!(from_bytes("it", &file, &network()).unwrap(), load(&path, &network()).unwrap());
    for (bytes, word) in
        [(&file[..file.len() - 1], "not a whole"), (b"PK\x03\x04", "PyTorch"), (b"", "empty")]
    {
        let error = from_bytes("it", bytes, &network()).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().starts_with("it: ") && error.to_string().contains(word), "{error}");
    }
}

#[test]
fn the_weights_that_ship_are_those_of_the_network() {
    let model = shipped(&network()).unwrap();
    assert_eq!(model.parameters.len(), network().flat_len());
    assert!(model.about.is_some(), "they say how they were trained");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHIPPED);
    assert_eq!(load(&file, &network()).unwrap(), model);
}

#[test]
fn metadata_of_older_files_are_read() {
    let old = r#"{"version":"0.1.0","loss":"double-softmax","seed":5,"epochs":8,"dataset":"MNIST"}"#;
    let about: About = serde_json::from_str(old).unwrap();
    let recipe = Recipe { loss: Loss::DoubleSoftmax, seed: 5, epochs: 8, ..Recipe::default() };
    assert_eq!((about.recipe, about.trained_epochs, about.test_sha256), (recipe, None, None));
}

#[test]
fn the_file_is_the_same_every_time() {
    let (_a, first, _) = saved();
    let (_b, second, _) = saved();
    assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
}

#[test]
fn the_hash_sees_every_parameter_and_no_padding() {
    let network = network();
    let flat = network.initial_parameters(3);
    let hash = parameters_sha256(&flat, &network);
    assert_eq!(hash.len(), 64);
    for (index, seen) in [(0, true), (network.parameters()[13].range().end - 1, true), (150, false)] {
        let mut changed = flat.clone();
        changed[index] += 1.0;
        assert_eq!(parameters_sha256(&changed, &network) != hash, seen, "{index}");
    }
}

#[test]
fn a_file_of_other_weights_is_refused_by_name() {
    let (_folder, path, _) = saved();
    let file = std::fs::read(path).unwrap();
    let tensors = || SafeTensors::deserialize(&file).unwrap().tensors();

    let mut missing = tensors();
    missing.retain(|(name, _)| name != "fc2.bias");
    assert!(refusal(missing).contains("tensor `fc2.bias` is missing"));

    let three = [0u8; 12];
    let mut extra = tensors();
    extra.push(("fc9.bias".into(), TensorView::new(Dtype::F32, vec![3], &three).unwrap()));
    assert!(refusal(extra).contains("`fc9.bias` is not one of"));

    let replaced = |name: &str, dtype, shape, bytes| {
        let mut all = tensors();
        all.retain(|(other, _)| other != name);
        all.push((name.to_string(), TensorView::new(dtype, shape, bytes).unwrap()));
        refusal(all)
    };
    let six = [0u8; 48];
    assert!(replaced("conv1.bias", Dtype::F64, vec![6], &six).contains("`conv1.bias` is F64, not F32"));
    assert!(replaced("conv1.bias", Dtype::F32, vec![12], &six).contains("shape [12], not [6]"));
    let mut bias = [0u8; 24];
    bias[8..12].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(replaced("conv1.bias", Dtype::F32, vec![6], &bias).contains("`conv1.bias` holds NaN"));
}

#[test]
fn infinite_weights_are_refused() {
    let (_folder, path, mut flat) = saved();
    flat[0] = f32::NEG_INFINITY;
    save(&path, &network(), &flat, &about()).unwrap();
    assert!(load(&path, &network()).unwrap_err().to_string().contains("`conv1.weight` holds -inf"));
}

#[test]
fn names_may_have_the_prefixes_of_wrappers() {
    let (folder, path, flat) = saved();
    let file = std::fs::read(path).unwrap();
    let prefixed = SafeTensors::deserialize(&file).unwrap().tensors();
    let prefixed = || prefixed.iter().map(|(name, view)| (format!("module._orig_mod.{name}"), view.clone()));
    let path = folder.path().join("wrapped");
    std::fs::write(&path, safetensors::serialize(prefixed(), None).unwrap()).unwrap();
    assert_eq!(load(&path, &network()).unwrap(), Model { parameters: flat, about: None });

    let three = [0u8; 12];
    let other = |name: &str| (name.to_string(), TensorView::new(Dtype::F32, vec![3], &three).unwrap());
    let clash = refusal(prefixed().chain([other("fc2.bias")]).collect());
    assert!(clash.contains("`fc2.bias` and `module._orig_mod.fc2.bias` are both"), "{clash}");
    let unknown = refusal(prefixed().chain([other("module._orig_mod.fc9.bias")]).collect());
    assert!(unknown.contains("`module._orig_mod.fc9.bias` is not one of"), "{unknown}");
}

#[test]
fn a_file_that_is_cut_or_not_safetensors_is_refused() {
    let (folder, path, _) = saved();
    let file = std::fs::read(&path).unwrap();
    let odd = folder.path().join("cut");
    for length in [4, 100, file.len() - 1] {
        std::fs::write(&odd, &file[..length]).unwrap();
        let message = load(&odd, &network()).unwrap_err().to_string();
        assert!(message.contains("cut: is not a whole safetensors file"), "{message}");
    }
    std::fs::write(&odd, b"\x89PNG\r\n\x1a\n and so on").unwrap();
    assert_eq!(load(&odd, &network()).unwrap_err().exit_code(), 4);
    assert_eq!(load(&folder.path().join("none"), &network()).unwrap_err().exit_code(), 4);
    assert_eq!(load(folder.path(), &network()).unwrap_err().exit_code(), 4);
}
