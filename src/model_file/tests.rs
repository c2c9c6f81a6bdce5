use super::*;
use tempfile::TempDir;

fn about() -> About {
    About {
        version: "1.2.3".into(),
        loss: Loss::DoubleSoftmax,
        seed: 9,
        epochs: 4,
        dataset: "MNIST".into(),
        test_sha256: Some("c0ffee".into()),
    }
}

fn saved() -> (TempDir, std::path::PathBuf, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let flat = Sizes::default().initial_parameters(3);
    save(&path, &Sizes::default(), &flat, &about()).unwrap();
    (folder, path, flat)
}

/// Loads what `tensors` serialise to and returns the message of the error.
fn refusal(tensors: Vec<(String, TensorView)>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.safetensors");
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let error = load(&path, &Sizes::default()).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    let message = error.to_string();
    assert!(message.contains("odd.safetensors"), "{message}");
    message
}

#[test]
fn a_saved_model_comes_back_bit_by_bit() {
    let (_folder, path, flat) = saved();
    let model = load(&path, &Sizes::default()).unwrap();
    assert_eq!(model.about, Some(about()));
    assert!(model.parameters.iter().map(|p| p.to_bits()).eq(flat.iter().map(|p| p.to_bits())));
}

#[test]
fn the_file_is_the_same_every_time() {
    let (_a, first, _) = saved();
    let (_b, second, _) = saved();
    assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
}

#[test]
fn the_hash_sees_every_parameter_and_no_padding() {
    let sizes = Sizes::default();
    let flat = sizes.initial_parameters(3);
    let hash = parameters_sha256(&flat, &sizes);
    assert_eq!(hash.len(), 64);
    for (index, seen) in [(0, true), (sizes.parameters()[13].range().end - 1, true), (150, false)] {
        let mut changed = flat.clone();
        changed[index] += 1.0;
        assert_eq!(parameters_sha256(&changed, &sizes) != hash, seen, "{index}");
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
fn a_file_that_is_cut_or_no_safetensors_is_refused() {
    let (folder, path, _) = saved();
    let file = std::fs::read(&path).unwrap();
    let odd = folder.path().join("cut");
    for length in [0, 4, 100, file.len() - 1] {
        std::fs::write(&odd, &file[..length]).unwrap();
        let message = load(&odd, &Sizes::default()).unwrap_err().to_string();
        assert!(message.contains("cut: is no whole safetensors file"), "{message}");
    }
    std::fs::write(&odd, b"\x89PNG\r\n\x1a\n and so on").unwrap();
    assert_eq!(load(&odd, &Sizes::default()).unwrap_err().exit_code(), 4);
    assert_eq!(load(&folder.path().join("none"), &Sizes::default()).unwrap_err().exit_code(), 4);
    assert_eq!(load(folder.path(), &Sizes::default()).unwrap_err().exit_code(), 4);
}
