//! Whatever ends a training, what it has saved is whole, and it goes on to the same bits.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use digit_adder::data::{MEMBERS, PIXELS};
use digit_adder::network::Sizes;
use digit_adder::train::{Checkpoint, model_file};
use serde_json::Value;
use tempfile::TempDir;

#[allow(dead_code)] // no file is served here
mod idx_files;

mod common;
use common::program::{err, run};

const SAVE: [&str; 2] = ["--save-every", "5"];
/// Longer than any of these tests.
const FOREVER: [&str; 2] = ["--epochs", "100000"];

/// Draws numbers that are the same in every run of a test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }
}

/// A folder with noise in MNIST's format: faster there than drawn digits.
fn noise() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(1);
    for member in &MEMBERS {
        let count = member.count as u32;
        let bytes = match member.name.contains("images") {
            true => {
                let values: Vec<u8> = (0..member.count * PIXELS).map(|_| dice.roll() as u8).collect();
                idx_files::idx(0x08, &[count, 28, 28], &values)
            }
            false => {
                let values: Vec<u8> = (0..count).map(|i| (i % 10) as u8).collect();
                idx_files::idx(0x08, &[count], &values)
            }
        };
        std::fs::write(folder.path().join(member.name), bytes).unwrap();
    }
    folder
}

/// Arguments of a training in `out`.
fn train<'a>(data: &'a TempDir, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let (data, out) = (data.path().to_str().unwrap(), out.to_str().unwrap());
    let base = ["train", "--adapter", "cpu", "--limit", "160", "--batch-size", "16", "--log-interval", "4"];
    [&base[..], &["--data-dir", data, "--out", out], more].concat()
}

fn resume<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["resume", out.to_str().unwrap()], more].concat()
}

/// A training, once it can be continued.
fn begun(arguments: &[&str], out: &Path) -> Child {
    let changed = || out.join("config.json").metadata().and_then(|file| file.modified()).ok();
    let before: Option<SystemTime> = changed();
    let mut child = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while changed() == before {
        assert!(child.try_wait().unwrap().is_none(), "{}", err(&child.wait_with_output().unwrap()));
        assert!(start.elapsed() < Duration::from_secs(60), "the training has not begun");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Runs to its end, which must be a good one.
fn done(folder: &Path, arguments: &[&str]) {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", err(&output));
}

/// Loads all that was saved, and returns the step of the newest checkpoint.
fn whole(out: &Path) -> u32 {
    let network = Sizes::default().network().unwrap();
    model_file::load(&out.join("last.safetensors"), &network).unwrap();
    let files = out.join("checkpoints").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some()).collect();
    let saved = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("step_");
    let steps = files.iter().filter(|path| saved(path)).map(|path| {
        let Checkpoint { state, .. } = Checkpoint::load(path, &network).unwrap();
        state.step
    });
    steps.max().expect("a checkpoint")
}

/// All that must be equal: checksums of parameters and moments, and the metrics but for times.
fn bits(out: &Path) -> (Value, Value, Vec<Value>) {
    let read = |file: &str| std::fs::read_to_string(out.join(file)).unwrap();
    let summary: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let line = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        let fields = entry.as_object_mut().unwrap();
        assert!(fields.remove("seconds").is_some() || fields.remove("images_per_second").is_some());
        entry
    };
    let metrics = read("metrics.jsonl").lines().map(line).collect();
    (summary["parameters_sha256"].clone(), summary["moments_sha256"].clone(), metrics)
}

fn told(output: &Output, code: i32, words: &[&str]) {
    let message = err(output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    for word in words {
        assert!(message.contains(word), "no `{word}` in {message}");
    }
}

#[test]
fn kills_and_signals_lose_nothing() {
    let (data, folder) = (noise(), TempDir::new().unwrap());
    let (never, often) = (folder.path().join("never"), folder.path().join("often"));
    let first = train(&data, &often, &[SAVE, FOREVER].concat());
    let mut dice = Dice(3);
    let mut steps = Vec::new();
    for index in 0..8 {
        let again = resume(&often, &SAVE);
        let mut child = begun(if index == 0 { &first } else { &again }, &often);
        std::thread::sleep(Duration::from_millis(dice.roll() % 300));
        match index {
            6 | 7 => {
                let (signal, code) = if index == 6 { ("TERM", 143) } else { ("HUP", 129) };
                send(signal, &child);
                let out = often.to_str().unwrap();
                let next = format!("continue with: digit-adder resume {out}");
                told(&child.wait_with_output().unwrap(), code, &["stopped by SIG", &next]);
            }
            _ => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        steps.push(whole(&often));
    }
    assert!(steps.is_sorted(), "{steps:?}");
    // To the end of the epoch after it; an epoch has 10 steps.
    let epochs = (steps[7] / 10 + 1).to_string();
    done(folder.path(), &resume(&often, &["--epochs", &epochs]));
    done(folder.path(), &train(&data, &never, &["--epochs", &epochs]));
    assert!(bits(&never) == bits(&often), "{steps:?}");
    println!("steps that were kept: {steps:?}");
}

#[test]
fn the_second_signal_leaves_at_once() {
    let (data, folder) = (noise(), TempDir::new().unwrap());
    let out = folder.path().join("run");
    // Steps that take long: none is waited for.
    let slow = ["--limit", "8192", "--batch-size", "4096"];
    let mut arguments = train(&data, &out, &FOREVER);
    for pair in slow.chunks(2) {
        let at = arguments.iter().position(|argument| *argument == pair[0]).unwrap();
        arguments[at + 1] = pair[1];
    }
    let child = begun(&arguments, &out);
    send("TERM", &child);
    send("INT", &child);
    let output = child.wait_with_output().unwrap();
    // Where both come in at once the system chooses which is the second.
    assert!(matches!(output.status.code(), Some(130 | 143)), "{output:?}");
    assert!(!err(&output).contains("stopped by"), "{}", err(&output));
    assert_eq!(whole(&out), 0);
}

#[test]
fn a_run_that_is_held_cannot_be_continued_meanwhile() {
    let (data, folder) = (noise(), TempDir::new().unwrap());
    let out = folder.path().join("run");
    let mut child = begun(&train(&data, &out, &FOREVER), &out);
    let output = run(folder.path(), &resume(&out, &[]));
    told(&output, 2, &["another training is running in "]);
    assert!(!err(&output).contains("data: "), "before the data is loaded: {}", err(&output));
    child.kill().unwrap();
    child.wait().unwrap();
    whole(&out);
}

/// A small file system in memory, until it is dropped.
#[cfg(target_os = "linux")]
struct Disk(TempDir);

#[cfg(target_os = "linux")]
impl Disk {
    /// `None` where it may not be mounted.
    fn of(size: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let option = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_with_code_4_and_keeps_what_is_told() {
    let (Some(none), Some(some), Some(enough)) = (Disk::of("300k"), Disk::of("1500k"), Disk::of("4m")) else {
        println!("skipped: nothing may be mounted here");
        return;
    };
    let (data, folder) = (noise(), TempDir::new().unwrap());
    let at = |disk: &Disk| disk.0.path().join("run");
    let full = "No space left on device";
    told(&run(folder.path(), &train(&data, &at(&none), &FOREVER)), 4, &["error: cannot write ", full]);
    let output = run(folder.path(), &train(&data, &at(&some), &[&FOREVER[..], &SAVE].concat()));
    let kept = format!("step {} (", whole(&at(&some)));
    told(&output, 4, &["error: cannot write ", full, &kept, "continue with: digit-adder resume "]);
    // A run that is done keeps its summary where it is continued in vain.
    done(folder.path(), &train(&data, &at(&enough), &["--epochs", "1"]));
    let bits_before = bits(&at(&enough));
    let filler = enough.0.path().join("filler");
    assert!(std::fs::write(&filler, vec![1; 4_000_000]).is_err());
    told(&run(folder.path(), &resume(&at(&enough), &["--epochs", "2"])), 4, &["cannot write ", full]);
    assert!(bits(&at(&enough)) == bits_before);
    std::fs::remove_file(filler).unwrap();
    done(folder.path(), &resume(&at(&enough), &["--epochs", "2"]));
    assert!(bits(&at(&enough)) != bits_before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_ends_with_code_4_and_keeps_the_run() {
    let (data, folder) = (noise(), TempDir::new().unwrap());
    let out = folder.path().join("run");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .args(train(&data, &out, &["--epochs", "2"]))
        .stdout(full)
        .output()
        .unwrap();
    let kept = "step 10 (epoch 1 done) is kept; continue with: ";
    told(&output, 4, &["error: cannot write to standard output: No space left", kept]);
    whole(&out);
    done(folder.path(), &resume(&out, &[]));
}

#[test]
fn a_folder_that_is_removed_is_not_said_to_be_kept() {
    let (data, folder) = (noise(), TempDir::new().unwrap());
    let out = folder.path().join("run");
    let child = begun(&train(&data, &out, &FOREVER), &out);
    std::fs::rename(&out, folder.path().join("elsewhere")).unwrap();
    let output = child.wait_with_output().unwrap();
    told(&output, 4, &["nothing of it is kept in ", "error: cannot write "]);
    assert!(!err(&output).contains("continue with"), "{}", err(&output));
}

#[test]
fn divergence_keeps_the_last_good_checkpoint() {
    let (data, folder) = (noise(), TempDir::new().unwrap());
    let out = folder.path().join("run");
    let rate = ["--epochs", "9", "--lr", "1e7", "--save-every", "1"];
    let output = run(folder.path(), &train(&data, &out, &rate));
    // With numbers that are finite, all of them, which loading makes sure of.
    let kept = format!("step {} (", whole(&out));
    told(&output, 5, &["error: training diverged in epoch ", "--lr", &kept]);
    assert!(!err(&output).contains("continue with"), "{}", err(&output));
}
