//! Runs the program as a user does: what it prints where, what it leaves behind, how it fails.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use digit_adder::network::Sizes;
use digit_adder::train::Recipe;
use digit_adder::train::model_file::{self, About};
use image::{GrayImage, Luma};
use serde_json::Value;
use tempfile::TempDir;

#[allow(dead_code)] // no file is served here
mod idx_files;
use idx_files::blank_set;

mod common;
use common::program::{TRAIN, err, out, refused, run, trained};

#[test]
fn help_names_the_commands_and_goes_to_stdout() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &["--help"]);
    assert!(output.status.success());
    for word in
        ["train", "eval", "predict", "adapters", "selftest", "bench", "schedule", "5 training diverged"]
    {
        assert!(out(&output).contains(word), "{word}");
    }
    let output = run(folder.path(), &["train", "--help"]);
    for word in
        ["--adapter", "--require-gpu", "[default: 50]", "[default: 64]", "double-softmax", "--hot-reload"]
    {
        assert!(out(&output).contains(word), "{word}");
    }
}

#[test]
fn senseless_flags_end_with_code_2() {
    let folder = TempDir::new().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| {
        let message = refused(folder.path(), arguments, 2, words);
        assert!(!message.contains("data: "), "{arguments:?}: before the data is loaded: {message}");
    };
    refused(&["train", "--batch-size", "0"], &["--batch-size", "at least 1"]);
    refused(&["train", "--epochs", "0"], &["--epochs"]);
    refused(&["train", "--limit", "0"], &["--limit", "at least 1"]);
    for rate in ["0", "-1", "nan", "inf"] {
        refused(&["train", &format!("--lr={rate}")], &["--lr", "greater than 0"]);
    }
    refused(&["train", "--seed", "-1"], &[]);
    refused(&["train", "--loss", "hinge"], &["logits", "double-softmax"]);
    refused(&["train", "--backend", "cuda"], &["vulkan", "metal", "dx12", "gl"]);
    refused(&["eval", "m", "--addend", "10"], &["--addend", "0 to 9"]);
    refused(&["eval", "m", "--all-addends", "--addend", "1"], &["--all-addends", "cannot be used with"]);
    refused(&["eval", "m", "--all-addends", "--seed", "1"], &["--all-addends", "cannot be used with"]);
    refused(&["predict", "m", "i"], &["--number"]);
    refused(&["dance"], &["dance"]);
    for seconds in ["0", "-1", "nan", "inf", "soon"] {
        refused(&["bench", &format!("--seconds={seconds}")], &["--seconds", "greater than 0"]);
    }
    for sizes in ["0", "64,0", "64,,256", "60001", "many"] {
        refused(&["bench", "--batch-sizes", sizes], &["--batch-sizes", "at "]);
    }
    refused(&["bench", "--batch-size", "0"], &["--batch-size", "at least 1"]);
    refused(&["bench", "--plan", "woven"], &["layered", "fused"]);
    let profile = ["train", "--adapter", "cpu", "--dataset", "drawn", "--profile"];
    refused(&profile, &["--profile needs a GPU"]);
    refused(&[&profile[..], &["trace.json"]].concat(), &["--profile needs a GPU"]);
    refused(&["train", "--dataset", "drawn", "--data-dir", "."], &["drawn"]);
    refused(&["train", "--shader-dir", "shaders"], &["--hot-reload"]);
    refused(&["train", "--hot-reload"], &["no shaders can be taken from shaders", "--shader-dir"]);
    refused(&["train", "--hot-reload", "--shader-dir", "."], &["adam.wgsl is gone"]);
    let shaders = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    let cpu = ["train", "--hot-reload", "--shader-dir", shaders, "--adapter", "cpu", "--dataset", "drawn"];
    refused(&cpu, &["--hot-reload needs a GPU"]);
    let both = ["train", "--tune", "--hot-reload", "--shader-dir", shaders, "--dataset", "drawn"];
    refused(&both, &["--tune", "cannot be used with"]);
    refused(&["train", "--adapter", "cpu", "--dataset", "drawn", "--tune"], &["--tune needs a GPU"]);
    refused(
        &["train", "--plan", "layered", "--dataset", "drawn", "--tune"],
        &["--tune needs the fused plan"],
    );
    std::fs::write(folder.path().join("used"), "").unwrap();
    refused(&["train", "--out", "."], &["not empty"]);
    refused(&["train", "--out", "used"], &["used is not a folder"]);
}

#[test]
fn an_unknown_adapter_ends_with_code_3() {
    let folder = TempDir::new().unwrap();
    refused(folder.path(), &["train", "--adapter", "no such adapter"], 3, &["no such adapter"]);
    assert!(folder.path().read_dir().unwrap().next().is_none(), "nothing is left behind");
}

#[test]
fn wrong_files_end_with_code_4() {
    let folder = TempDir::new().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| refused(folder.path(), arguments, 4, words);
    std::fs::write(folder.path().join("text"), "no tensors here, no picture either").unwrap();
    refused(&["eval", "none.safetensors"], &["none.safetensors"]);
    refused(&["eval", "text"], &["text", "safetensors"]);
    std::fs::write(folder.path().join("model.safetensors"), b"PK\x03\x04").unwrap();
    refused(&["eval", "model.safetensors"], &["is a PyTorch file", "torch.load(r'model.safetensors'"]);
    refused(&["eval", "."], &["is a folder, and no run's: give the file in it, ./model.safetensors"]);
    refused(&["predict", "--model", "text", "text", "--number", "1"], &["text", "safetensors"]);
    refused(&["predict", "model.safetensors", "text", "--number", "1"], &["is a PyTorch file"]);
    refused(&["train", "--adapter", "cpu", "--data-dir", "nowhere"], &["nowhere"]);
    refused(&["train", "--adapter", "cpu", "--data-dir", "text"], &["text"]);
    refused(&["train", "--adapter", "cpu", "--data-dir", "."], &["train-images"]);
}

#[test]
fn weights_that_give_no_finite_numbers_end_with_code_4() {
    let folder = TempDir::new().unwrap();
    let network = Sizes::default().network().unwrap();
    let huge = vec![1e30; network.flat_len()];
    let about = About {
        version: "0".into(),
        recipe: Recipe::default(),
        trained_epochs: Some(1),
        dataset: "none".into(),
        test_sha256: None,
        averaged: false,
    };
    model_file::save(&folder.path().join("huge.safetensors"), &network, &huge, &about).unwrap();
    GrayImage::from_fn(28, 28, |x, _| Luma([if x == 14 { 255 } else { 0 }]))
        .save(folder.path().join("one.png"))
        .unwrap();
    // On the CPU, and on a device where there is one.
    for adapter in ["cpu", "reference", "high-performance"].map(|name| ["--adapter", name]) {
        for command in [
            &["eval", "huge.safetensors", "--dataset", "drawn"][..],
            &["eval", "huge.safetensors", "--dataset", "drawn", "--addend", "3", "--json"],
            &["predict", "huge.safetensors", "one.png", "--number", "1"],
        ] {
            let arguments = [command, &adapter].concat();
            refused(folder.path(), &arguments, 4, &["huge.safetensors", "not finite"]);
        }
    }
}

#[test]
fn a_run_leaves_weights_log_and_plots() {
    let folder = TempDir::new().unwrap();
    let output = trained(folder.path(), &["--seed", "3"]);
    let (results, messages) = (out(&output), err(&output));
    let lines: Vec<&str> = results.lines().collect();
    assert_eq!(lines.len(), 4, "{results}");
    assert!(lines[0].starts_with("epoch 1 => loss ") && lines[0].ends_with(" images/s"), "{results}");
    assert!(lines[1].starts_with("epoch 2 => loss "), "{results}");
    assert!(lines[2].starts_with("test => digit ") && lines[2].contains(" of 10000 right"), "{results}");
    assert!(lines[3].starts_with("parameters sha256 "), "{results}");
    for word in ["adapter: ", "(conv1): Conv2d(1, 6, kernel_size=(5, 5)", "45,709", "seed 3", "saved to run"]
    {
        assert!(messages.contains(word), "no `{word}` in {messages}");
    }

    let kept = |name: &str| std::fs::read(folder.path().join("run").join(name)).unwrap();
    let json = |name: &str| serde_json::from_slice::<Value>(&kept(name)).unwrap();
    let config = json("config.json");
    assert_eq!((&config["seed"], &config["batch_size"]), (&3.into(), &64.into()));
    assert_eq!((&config["data"]["training"]["images"], &config["loss"]), (&250.into(), &"logits".into()));
    assert_eq!((&config["tiles"], &config["shaders"]), (&Value::Null, &Value::Null));
    let result = json("summary.json");
    assert!(lines[3].ends_with(result["parameters_sha256"].as_str().unwrap()));
    let log = String::from_utf8(kept("metrics.jsonl")).unwrap();
    let epochs: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(epochs.len(), 2);
    assert_eq!((&epochs[1]["epoch"], &epochs[1]["images"]), (&2.into(), &250.into()));
    assert!(epochs[1]["heads"][1]["correct"].is_u64() && epochs[1]["loss"].is_f64(), "{log}");
    assert!(kept("plots/loss.png").starts_with(b"\x89PNG"));
    assert!(kept("plots/loss.svg").starts_with(b"<svg"));

    // The same counts from the file, whatever the default seed is.
    let eval = |more: &[&str]| {
        let base = ["eval", "run", "--adapter", "cpu", "--dataset", "drawn"];
        let output = run(folder.path(), &[&base[..], more].concat());
        assert!(output.status.success(), "{}", err(&output));
        out(&output)
    };
    assert_eq!(eval(&[]).trim_end(), lines[2]);
    let report: Value = serde_json::from_str(&eval(&["--json"])).unwrap();
    assert_eq!((&report["heads"], &report["images"]), (&result["test"]["heads"], &10_000.into()));
    let names: Vec<&Value> = report["heads"].as_array().unwrap().iter().map(|head| &head["head"]).collect();
    assert_eq!(names, ["digit", "sum"]);
    assert_eq!(report["seed"], 3);
    let report: Value = serde_json::from_str(&eval(&["--addend", "7", "--json"])).unwrap();
    assert_eq!((&report["addend"], &report["seed"]), (&7.into(), &Value::Null));
    let all: Value = serde_json::from_str(&eval(&["--all-addends", "--json"])).unwrap();
    let addends = all["addends"].as_array().unwrap();
    assert_eq!((addends.len(), &addends[7]["heads"]), (10, &report["heads"]));
    assert_eq!(
        (&all["mean"]["answers"], &all["addend"], &all["seed"]),
        (&100_000.into(), &Value::Null, &Value::Null)
    );
    let sums: Vec<u64> = addends.iter().map(|one| one["heads"][1]["correct"].as_u64().unwrap()).collect();
    assert_eq!(all["mean"]["heads"][1]["correct"], sums.iter().sum::<u64>());
    let differ = sums.iter().any(|sum| *sum != sums[0]);
    assert!(differ, "each addend was added: {sums:?}");
}

#[test]
fn data_are_the_same_in_another_folder() {
    let folder = TempDir::new().unwrap();
    let [here, there] = [blank_set(false), blank_set(true)];
    let [here, there] = [&here, &there].map(|set| set.path().to_str().unwrap());
    let train =
        ["train", "--adapter", "cpu", "--data-dir", here, "--limit", "10", "--epochs", "1", "--out", "run"];
    let output = run(folder.path(), &train);
    assert!(output.status.success(), "{}", err(&output));
    let told = |data: &[&str]| {
        let eval = ["eval", "run/last.safetensors", "--adapter", "cpu"];
        let output = run(folder.path(), &[&eval, data].concat());
        assert!(output.status.success(), "{}", err(&output));
        err(&output).contains("trained on other data: A data set in MNIST's format from ")
    };
    assert!(!told(&["--data-dir", here]));
    assert!(!told(&["--data-dir", there]));
    assert!(told(&["--dataset", "drawn"]));
}

#[test]
fn one_seed_gives_one_result() {
    let hash = |arguments: &[&str]| {
        let folder = TempDir::new().unwrap();
        let results = out(&trained(folder.path(), arguments));
        results.lines().last().unwrap().to_string()
    };
    let first = hash(&["--seed", "5"]);
    assert_eq!(first, hash(&["--seed", "5"]));
    assert_ne!(first, hash(&["--seed", "6"]));
}

#[test]
fn divergence_ends_with_code_5_and_keeps_the_run() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &[&TRAIN[..], &["9", "--out", "run", "--lr", "1e30"]].concat());
    assert_eq!(output.status.code(), Some(5), "{}", err(&output));
    assert!(
        err(&output).contains("diverged in epoch 1") && err(&output).contains("--lr"),
        "{}",
        err(&output)
    );
    assert!(folder.path().join("run/config.json").exists());
}

#[test]
fn where_saving_fails_too_both_reasons_are_told() {
    let folder = TempDir::new().unwrap();
    // One step an epoch, the second of which produces nothing but NaN.
    let few = ["train", "--adapter", "cpu", "--dataset", "drawn", "--limit", "640", "--batch-size", "640"];
    let child = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .current_dir(folder.path())
        .args([&few[..], &["--epochs", "9", "--lr", "1e7", "--out", "run"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !folder.path().join("run/config.json").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the training has not begun");
        std::thread::sleep(Duration::from_millis(5));
    }
    // A folder in the place of the weights.
    std::fs::remove_file(folder.path().join("run/last.safetensors")).unwrap();
    std::fs::create_dir_all(folder.path().join("run/last.safetensors/in the way")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", err(&output));
    for words in ["saving what there is failed: ", "last.safetensors", "error: training diverged in epoch 2"]
    {
        assert!(err(&output).contains(words), "no `{words}` in {}", err(&output));
    }
}

#[test]
fn the_schedule_is_that_of_either_kind_of_adapter() {
    let folder = TempDir::new().unwrap();
    let schedule = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["schedule"], arguments].concat());
        assert!(output.status.success(), "{}", err(&output));
        out(&output)
    };
    assert_eq!(schedule(&[]), schedule(&["--tiles", "fat"]));
    assert_ne!(schedule(&[]), schedule(&["--tiles", "thin"]));
    let json: Value = serde_json::from_str(&schedule(&["--json"])).unwrap();
    assert_eq!(json["steps"].as_array().map(Vec::len), Some(schedule(&[]).lines().count() - 1));
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_training() {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .current_dir(folder.path())
        .args([&TRAIN[..], &["1", "--out", "run"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert!(folder.path().join("run/summary.json").exists());
}

#[test]
fn bench_needs_an_adapter_other_than_the_reference() {
    let folder = TempDir::new().unwrap();
    refused(folder.path(), &["bench", "--adapter", "cpu"], 3, &["nothing to measure"]);
    refused(folder.path(), &["bench", "--adapter", "no such adapter"], 3, &["nothing to measure", "no such"]);
}

#[test]
fn selftest_needs_an_adapter_other_than_the_reference() {
    let folder = TempDir::new().unwrap();
    refused(folder.path(), &["selftest", "--adapter", "cpu"], 3, &["nothing to test"]);
    refused(folder.path(), &["selftest", "--adapter", "no such adapter"], 3, &["nothing to test", "no such"]);
}
