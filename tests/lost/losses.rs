//! What is said and kept where a device is lost.

use std::path::Path;

use digit_adder::gpu::Gpu;
use digit_adder::gpu::adapter::is_software;
use digit_adder::network::Sizes;
use digit_adder::train::Checkpoint;
use image::{GrayImage, Luma};
use serde_json::Value;
use tempfile::TempDir;

use crate::layer::{Ended, Place, run};

const LOST: &str = "the device was lost (Device is lost)";
const PLACES: [Place; 2] = [Place::Submission, Place::Wait];

/// What the tests of this folder compute on.
fn adapter() -> String {
    std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into())
}

/// Fails unless a run has ended as on a lost device.
#[track_caller]
fn told(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    for word in words.iter().chain(&[LOST]) {
        assert!(ended.err.contains(word), "no `{word}` in {}", ended.err);
    }
}

/// Loses the device ever later, until it comes too late; where in a run that is cannot be known here.
fn ever_later(home: &Path, arguments: &[&str], words: &[&str]) {
    let adapter = adapter();
    let arguments = [arguments, &["--adapter", &adapter]].concat();
    for place in PLACES {
        let mut after = 0;
        loop {
            let ended = run(home, Some((after, place)), &arguments);
            if ended.code == Some(0) {
                break;
            }
            told(&ended, words);
            after = after * 2 + 1;
        }
        println!("{arguments:?} {place:?}: too late after {after} submissions");
        assert!(after > 1, "the device was never lost");
    }
}

/// Checksums of parameters and moments, and the metrics but for times.
fn bits(run: &Path) -> (Value, Value, Vec<Value>) {
    let read = |file: &str| std::fs::read_to_string(run.join(file)).unwrap();
    let summary: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let line = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        let other = ["seconds", "images_per_second"];
        entry.as_object_mut().unwrap().retain(|name, _| !other.contains(&name.as_str()));
        entry
    };
    let metrics = read("metrics.jsonl").lines().map(line).collect();
    (summary["parameters_sha256"].clone(), summary["moments_sha256"].clone(), metrics)
}

/// Loads all checkpoints, and returns the newest.
fn newest(run: &Path) -> Checkpoint {
    let network = Sizes::default().network().unwrap();
    let files = run.join("checkpoints").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let all = files.map(|path| Checkpoint::load(&path, &network).unwrap());
    all.max_by_key(|checkpoint| checkpoint.state.step).unwrap()
}

/// A run that ends well.
fn done(home: &Path, arguments: &[&str]) {
    let ended = run(home, None, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
}

const SMALL: [&str; 11] = [
    "train",
    "--dataset",
    "drawn",
    "--limit",
    "75",
    "--batch-size",
    "8",
    "--save-every",
    "3",
    "--epochs",
    "3",
];

/// Loses the device of a training at several places, goes on each time and compares with one that was let alone.
fn goes_on(more: &[&str], later: usize) {
    let home = TempDir::new().unwrap();
    let (home, adapter) = (home.path(), adapter());
    let train = [&SMALL[..], &["--adapter", &adapter], more].concat();
    done(home, &[&train[..], &["--out", "whole"]].concat());
    let whole = bits(&home.join("whole"));
    let mut inside = 0;
    for (index, place) in [0, 1, 2, 3, 4, 5].map(|index| (index, PLACES[index % 2])) {
        let out = format!("lost{index}");
        let ended = run(home, Some((12 + later * index, place)), &[&train[..], &["--out", &out]].concat());
        let Checkpoint { state, place: at, .. } = newest(&home.join(&out));
        let kept = format!("step {} (", state.step);
        told(&ended, &[&kept, &format!(") is kept; continue with: digit-adder resume {out}\n")]);
        inside += usize::from(at.images > 0);
        println!("{place:?}: {}", ended.err.lines().rev().nth(1).unwrap());
        done(home, &["resume", &out]);
        assert!(bits(&home.join(&out)) == whole, "continued at step {} it ends with other bits", state.step);
    }
    assert!(inside > 1, "the device was lost between epochs only");
}

pub fn a_training_goes_on_to_the_same_bits() -> Result<(), String> {
    goes_on(&["--log-interval", "2"], 17);
    Ok(())
}

pub fn the_test_after_an_epoch() -> Result<(), String> {
    goes_on(&["--eval-interval", "1", "--val-split", "20%", "--ema", "0.875"], 23);
    Ok(())
}

pub fn a_prediction() -> Result<(), String> {
    let home = TempDir::new().unwrap();
    let bar = |x, y| Luma([if (28..34).contains(&x) && (10..50).contains(&y) { 20 } else { 250 }]);
    GrayImage::from_fn(60, 60, bar).save(home.path().join("one.png")).unwrap();
    ever_later(home.path(), &["predict", "one.png", "--number", "4"], &[]);
    Ok(())
}

pub fn a_test() -> Result<(), String> {
    ever_later(TempDir::new().unwrap().path(), &["eval", "--dataset", "drawn"], &[]);
    Ok(())
}

pub fn a_measurement() -> Result<(), String> {
    let home = TempDir::new().unwrap();
    let bench =
        ["bench", "--plan", "layered", "--batch-sizes", "16", "--batch-size", "16", "--seconds", "0.02"];
    ever_later(home.path(), &bench, &[]);
    Ok(())
}

pub fn a_self_test() -> Result<(), String> {
    let (home, adapter) = (TempDir::new().unwrap(), adapter());
    for place in PLACES {
        let ended = run(home.path(), Some((9, place)), &["selftest", "--adapter", &adapter]);
        told(&ended, &["programs could not be run, 0 of "]);
        assert!(ended.out.contains("NOT RUN") && !ended.out.contains("FAILED"), "{}", ended.out);
    }
    Ok(())
}

/// Where the user left the choice open, and no GPU is there, the CPU engine takes over.
pub fn a_trial_against_the_cpu_engine(gpu: &Gpu) -> Result<(), String> {
    if !is_software(&gpu.info) {
        return Ok(());
    }
    let home = TempDir::new().unwrap();
    let home = home.path();
    let train = ["train", "--dataset", "drawn", "--limit", "64", "--epochs", "1", "--adapter", "auto"];
    for place in PLACES {
        let ended = run(home, Some((0, place)), &train);
        let took_over = ended.code == Some(0) && ended.err.contains("computing on the CPU engine");
        assert!(took_over && ended.err.contains(LOST), "{:?}: {}", ended.code, ended.err);
    }
    Ok(())
}
