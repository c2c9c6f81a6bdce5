//! What `train` says and leaves with the options of its run, and what `plot` makes of it.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{TRAIN, err, out, refused, run, trained};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_dry_run_does_nothing() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &[&TRAIN[..], &["3", "--dry-run"]].concat());
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!(
        out(&output),
        "dry run: 12 steps, 4 an epoch, would be trained and saved in a new folder in runs; nothing was done\n"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn objects_are_those_that_are_kept() {
    let folder = TempDir::new().unwrap();
    let output = trained(folder.path(), &["--json", "--log-interval", "2", "--val-split", "20%"]);
    let lines: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kept = std::fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, metrics) = lines.split_last().unwrap();
    assert_eq!(metrics, kept);
    assert_eq!(*summary, json(&folder.path().join("run/summary.json")));
    let kinds: Vec<&str> = kept.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["step", "step", "epoch", "step", "step", "epoch"]);
    assert_eq!((&kept[2]["step"], &kept[2]["images"]), (&4.into(), &250.into()));
    assert_eq!(kept[2]["validation"]["images"], 12_000);
    assert_eq!((&summary["ended"], &summary["weights"]), (&"complete".into(), &"best.safetensors".into()));
    // Those weights are what the run's folder means.
    let eval = ["eval", "run", "--adapter", "cpu", "--dataset", "drawn", "--json"];
    let report: Value = serde_json::from_str(&out(&run(folder.path(), &eval))).unwrap();
    assert_eq!(report["heads"], summary["test"]["heads"]);
}

#[test]
fn an_average_is_what_a_run_stands_for() {
    let folder = TempDir::new().unwrap();
    let output = trained(folder.path(), &["--ema", "0.5", "--eval-interval", "2"]);
    assert!(out(&output).contains("last weights, not averaged: test =>"), "{}", out(&output));
    let summary = json(&folder.path().join("run/summary.json"));
    assert_eq!(summary["weights"], "averaged.safetensors");
    let eval = |model: &str| -> Value {
        let eval = ["eval", model, "--adapter", "cpu", "--dataset", "drawn", "--json"];
        serde_json::from_str(&out(&run(folder.path(), &eval))).unwrap()
    };
    let (of_run, raw) = (eval("run"), eval("run/last.safetensors"));
    assert_eq!(
        (&of_run["heads"], &raw["heads"]),
        (&summary["test"]["heads"], &summary["test_of_raw_weights"]["heads"])
    );
    assert_eq!(of_run["parameters_sha256"], summary["average_sha256"]);
    assert_eq!(raw["parameters_sha256"], summary["parameters_sha256"]);
    assert_ne!(of_run["parameters_sha256"], raw["parameters_sha256"]);
    let metrics = std::fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    let losses = [&last["test"]["loss"], &last["averaged_test"]["loss"]];
    assert_eq!(losses, [&summary["test_of_raw_weights"]["loss"], &summary["test"]["loss"]]);

    // Where a validation split chooses, the best file has the average of the best epoch.
    let chosen = [&TRAIN[..], &["1", "--ema", "0.5", "--val-split", "20%", "--out", "chosen"]].concat();
    let output = run(folder.path(), &chosen);
    assert!(err(&output).contains("tested: the averaged weights of epoch 1"), "{}", err(&output));
    let summary = json(&folder.path().join("chosen/summary.json"));
    assert_eq!(summary["weights"], "best.safetensors");
    assert_eq!(eval("chosen")["parameters_sha256"], summary["average_sha256"]);
}

#[test]
fn a_missed_target_ends_with_code_6_and_keeps_all() {
    let folder = TempDir::new().unwrap();
    let output = run(
        folder.path(),
        &[&TRAIN[..], &["1", "--out", "run", "--target-acc", "digit=1,sum=99.9"]].concat(),
    );
    assert_eq!(output.status.code(), Some(6), "{}", err(&output));
    assert!(err(&output).contains("missed --target-acc: sum ") && err(&output).contains("of 99.9 %"));
    assert!(folder.path().join("run/summary.json").exists());
    let reached = trained(TempDir::new().unwrap().path(), &["--target-acc", "digit=1"]);
    assert!(reached.status.success());
    refused(folder.path(), &["train", "--target-acc", "parity=9"], 2, &["no head `parity`", "digit and sum"]);
    refused(folder.path(), &["train", "--target-acc", "digit"], 2, &["digit=99"]);
}

#[test]
fn contradictions_end_with_code_2() {
    let folder = TempDir::new().unwrap();
    refused(folder.path(), &["train", "--patience", "2"], 2, &["--patience needs --val-split"]);
    let all = [&TRAIN[..], &["1", "--val-split", "100%"]].concat();
    refused(folder.path(), &all, 2, &["leaves nothing to train on"]);
    refused(folder.path(), &["train", "--val-split", "0"], 2, &["500", "15%"]);
    refused(folder.path(), &["train", "--keep", "none"], 2, &["all"]);
    refused(folder.path(), &["train", "--init", "m", "--resume"], 2, &["cannot be used with"]);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_training_that_learns_nothing_says_so() {
    let folder = TempDir::new().unwrap();
    let output = trained(folder.path(), &["--lr", "10"]);
    for words in ["head has learnt nothing: ", "--lr) below 10.0 may help"] {
        assert!(err(&output).contains(words), "no `{words}` in {}", err(&output));
    }
}

#[test]
fn plots_are_drawn_again_and_runs_compared() {
    let folder = TempDir::new().unwrap();
    trained(folder.path(), &["--tensorboard"]);
    let plots = folder.path().join("run/plots");
    let names = || {
        let mut names: Vec<String> = plots
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".svg"))
            .collect();
        names.sort();
        names
    };
    let all = [
        "accuracy.svg",
        "confusion_digit.svg",
        "confusion_sum.svg",
        "learning_rate.svg",
        "loss.svg",
        "mistakes.svg",
    ];
    assert_eq!(names(), all);
    let before = std::fs::read(plots.join("mistakes.png")).unwrap();
    std::fs::remove_dir_all(&plots).unwrap();
    std::fs::create_dir(&plots).unwrap();
    let output = run(folder.path(), &["plot", "run"]);
    assert!(output.status.success() && out(&output).trim().ends_with("plots"), "{}", err(&output));
    assert_eq!(names(), all);
    assert!(std::fs::read(plots.join("mistakes.png")).unwrap() == before);

    let second = run(folder.path(), &[&TRAIN[..], &["1", "--seed", "2", "--out", "second"]].concat());
    assert!(second.status.success());
    let output = run(folder.path(), &["plot", "run", "second", "--out", "both"]);
    assert!(output.status.success(), "{}", err(&output));
    let svg = std::fs::read_to_string(folder.path().join("both/compare.svg")).unwrap();
    assert!(svg.contains(">run<") && svg.contains(">second<"), "{svg}");
    refused(folder.path(), &["plot", "nowhere"], 4, &["nowhere holds no run"]);
    refused(folder.path(), &["plot", "run", "--out", "x"], 2, &["several runs"]);

    let events = folder.path().join("run").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(events.filter(|name| name.to_string_lossy().starts_with("events.out.tfevents.")).count(), 1);
}

#[test]
fn no_more_checkpoints_are_kept_than_wanted() {
    let folder = TempDir::new().unwrap();
    let count = |keep: &str| {
        let name = format!("keep{keep}");
        let words = ["3", "--save-every", "2", "--keep", keep, "--out", &name];
        let output = run(folder.path(), &[&TRAIN[..], &words].concat());
        assert!(output.status.success(), "{}", err(&output));
        folder.path().join(&name).join("checkpoints").read_dir().unwrap().count()
    };
    // At the start, and after steps 2, 4 (an epoch), 6, 8, 10 and 12.
    assert_eq!([count("1"), count("3"), count("all")], [1, 3, 7]);
}
