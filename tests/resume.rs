//! A training that is stopped and continued ends with the bits of one that is not.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{err, out, refused, run};

const CPU: [&str; 2] = ["--adapter", "cpu"];

fn train(folder: &Path, out: &str, engine: &[&str], more: &[&str]) {
    let base = ["train", "--dataset", "drawn", "--limit", "330", "--batch-size", "32", "--log-interval", "4"];
    let output = run(folder, &[&base, engine, &["--out", out], more].concat());
    assert!(output.status.success(), "{}", err(&output));
}

fn resume(folder: &Path, arguments: &[&str]) {
    let output = run(folder, &[&["resume"], arguments].concat());
    assert!(output.status.success(), "{}", err(&output));
}

/// All that must be equal: checksums of parameters, moments and average, and the metrics but for times.
fn bits(folder: &Path, name: &str) -> ([Value; 3], Vec<Value>) {
    let read = |file: &str| std::fs::read_to_string(folder.join(name).join(file)).unwrap();
    let summary: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let line = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        let fields = entry.as_object_mut().unwrap();
        assert!(fields.remove("seconds").is_some() || fields.remove("images_per_second").is_some());
        entry
    };
    let metrics = read("metrics.jsonl").lines().map(line).collect();
    let sums = ["parameters_sha256", "moments_sha256", "average_sha256"];
    (sums.map(|name| summary[name].clone()), metrics)
}

#[test]
fn two_and_two_epochs_are_four() {
    let folder = TempDir::new().unwrap();
    train(folder.path(), "whole", &CPU, &["--epochs", "4", "--eval-interval", "2"]);
    train(folder.path(), "parts", &CPU, &["--epochs", "2", "--eval-interval", "2"]);
    assert!(bits(folder.path(), "whole") != bits(folder.path(), "parts"));
    resume(folder.path(), &["parts", "--epochs", "4"]);
    let (whole, parts) = (bits(folder.path(), "whole"), bits(folder.path(), "parts"));
    assert!(whole == parts, "{whole:?}\n{parts:?}");
    assert_eq!(whole.1.len(), 4 + 4 * 11 / 4);
}

#[test]
fn a_run_goes_on_from_any_of_its_checkpoints() {
    let folder = TempDir::new().unwrap();
    let save =
        ["--epochs", "2", "--save-every", "3", "--keep", "all", "--val-split", "10%", "--ema", "0.875"];
    train(folder.path(), "whole", &CPU, &save);
    assert!(bits(folder.path(), "whole").0[2].is_string());
    let checkpoints = folder.path().join("whole/checkpoints");
    let mut files: Vec<_> = checkpoints.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // At the start, after every third of 2 * 11 steps, and after each epoch.
    assert_eq!(files.len(), 1 + 7 + 2, "{files:?}");
    for index in [0, 5] {
        let name = format!("from{index}");
        resume(folder.path(), &[files[index].to_str().unwrap(), "--out", &name]);
        let (whole, part) = (bits(folder.path(), "whole"), bits(folder.path(), &name));
        assert!(whole == part, "from {index}: {whole:?}\n{part:?}");
    }
    // In its own folder, which forgets what came after.
    resume(folder.path(), &[files[3].to_str().unwrap(), "--save-every", "100"]);
    assert!(bits(folder.path(), "whole") == bits(folder.path(), "from0"));
    assert!(!files[5].exists());
    let best = |name: &str| std::fs::read(folder.path().join(name).join("best.safetensors")).unwrap();
    assert!(best("whole") == best("from0"));
}

#[test]
fn threads_make_no_difference() {
    let folder = TempDir::new().unwrap();
    let with = |threads: &str, arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_digit-adder"))
            .current_dir(folder.path())
            .env("RAYON_NUM_THREADS", threads)
            .env_remove("MNIST_DIR")
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", err(&output));
    };
    let base = ["train", "--adapter", "cpu", "--dataset", "drawn", "--limit", "330", "--log-interval", "4"];
    with("1", &[&base[..], &["--epochs", "3", "--out", "one"]].concat());
    with("2", &[&base[..], &["--epochs", "1", "--out", "both"]].concat());
    with("1", &["resume", "both", "--epochs", "2"]);
    with("2", &["resume", "both", "--epochs", "3"]);
    assert!(bits(folder.path(), "one") == bits(folder.path(), "both"));
}

#[test]
fn what_cannot_be_continued_is_refused() {
    let folder = TempDir::new().unwrap();
    let refused = |arguments: &[&str], code, words: &[&str]| refused(folder.path(), arguments, code, words);
    refused(&["resume"], 4, &["runs/latest holds no run"]);
    refused(&["train", "--resume", "nowhere"], 4, &["nowhere holds no run"]);
    train(folder.path(), "run", &CPU, &["--epochs", "1"]);
    refused(&["resume", "run", "--seed", "7"], 2, &["--seed cannot change", "with 1, not 7"]);
    refused(&["resume", "run", "--lr", "0.5"], 2, &["--lr cannot change", "with 0.001, not 0.5"]);
    let words = ["from the recipe best", "--augment cannot change", "with none, not full"];
    refused(&["resume", "run", "--recipe", "best"], 2, &words);
    refused(&["resume", "run", "--ema", "0.875"], 2, &["--ema cannot change", "with none, not 0.875"]);
    refused(&["resume", "run", "--tune"], 2, &["--tune"]);
    refused(&["resume", "run", "--init", "run"], 2, &["--init"]);
    refused(&["resume", "run", "--out", "run"], 2, &["not empty"]);
    refused(&["resume", "run", "--data-dir", "run"], 4, &["train-images"]);
    refused(&["resume", "run/last.safetensors"], 4, &["holds no run"]);
    // Damage: the newest is passed over, and where none is whole that is said.
    let checkpoints = folder.path().join("run/checkpoints");
    std::fs::write(checkpoints.join("step_0000000011.safetensors"), "torn").unwrap();
    let output = run(folder.path(), &["resume", "run"]);
    assert!(
        output.status.success() && err(&output).contains("The one before it is tried"),
        "{}",
        err(&output)
    );
    for entry in checkpoints.read_dir().unwrap() {
        std::fs::write(entry.unwrap().path(), "torn").unwrap();
    }
    refused(&["resume", "run"], 4, &["holds no whole checkpoint"]);
}

#[test]
fn runs_latest_is_the_newest_and_init_takes_its_weights() {
    let folder = TempDir::new().unwrap();
    let base = ["train", "--adapter", "cpu", "--dataset", "drawn", "--limit", "64", "--epochs", "1"];
    for _ in 0..2 {
        assert!(run(folder.path(), &base).status.success());
    }
    let runs = folder.path().join("runs");
    assert_eq!(runs.read_dir().unwrap().count(), 3, "two runs and a name");
    let again = run(folder.path(), &["train", "--resume", "--epochs", "2"]);
    assert!(again.status.success() && out(&again).starts_with("epoch 2 =>"), "{}", err(&again));
    let from = run(folder.path(), &[&base[..], &["--init", "runs/latest", "--out", "next"]].concat());
    assert!(from.status.success(), "{}", err(&from));
    let config = std::fs::read_to_string(folder.path().join("next/config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let summary = std::fs::read_to_string(runs.join("latest/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(config["init"]["parameters_sha256"], summary["parameters_sha256"]);
}
