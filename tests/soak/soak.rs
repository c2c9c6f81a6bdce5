//! The whole of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use digit_adder::network::Sizes;
use digit_adder::train::{Checkpoint, State};
use serde_json::Value;

use crate::edits::Editor;
use crate::program::{Training, done};
use crate::reader::Reader;
use crate::samples::{Sample, growth};

/// Steps of an epoch.
const STEPS: u32 = 16;
const BATCH: &str = "4";
const IMAGES: &str = "64";
/// Whatever the last step is, the checkpoint of the last whole epoch is among so many: two save intervals.
const KEEP: &str = "6";
const SAVE_EVERY: &str = "7";

const RELOAD: [&str; 3] = ["--hot-reload", "--shader-dir", "shaders"];

/// What may be held more at the end than when warm, whatever the number of edits: memory in kB, and threads, which pools
/// start when they first need them.
const SLACK: (usize, usize) = (16_000, 2);

fn asked(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

/// The arguments of the training.
fn train<'a>(adapter: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let data =
        ["train", "--dataset", "drawn", "--limit", IMAGES, "--batch-size", BATCH, "--log-interval", "5"];
    let saves = ["--plan", "layered", "--adapter", adapter, "--keep", KEEP, "--save-every", SAVE_EVERY];
    [&data[..], &saves, more].concat()
}

pub fn soak() -> Result<(), String> {
    let (edits, epochs) = (asked("SOAK_EDITS", 26), asked("SOAK_EPOCHS", 3));
    let adapter = std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into());
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let start = Instant::now();
    let mut editor = Editor::new(home.join("shaders"));
    let reader = Reader::start(home);

    // The first is stopped while the shaders are edited, and another process goes on.
    let forever = [&["--epochs", "100000"], &RELOAD[..]].concat();
    let keep = ["--keep", KEEP, "--save-every", SAVE_EVERY];
    let first = Training::start(home, &train(&adapter, &forever));
    let samples = edit(&first, &mut editor, edits / 5, &reader)?;
    first.stop()?;
    println!("{} until it is stopped", told(&samples));
    let second = Training::start(home, &[&["resume"], &keep[..], &RELOAD].concat());
    let samples = edit(&second, &mut editor, edits, &reader)?;
    let run = home.join("runs/latest");
    while epoch(&run)? <= epochs as u32 {
        second.until("step ")?;
    }
    second.stop()?;
    let counts = reader.finish()?;
    let place = epoch(&run)?;
    let Editor { edits, taken, refused, .. } = editor;
    println!(
        "{edits} edits in {place} epochs and {:.0} s: {taken:?} taken, {refused:?} refused",
        start.elapsed().as_secs_f64()
    );
    println!("{}; read meanwhile: {counts:?}", told(&samples));
    assert!(counts.checkpoints > 0 && counts.metrics > 0);

    // Nobody touches this one, and the driver checks nothing for it.
    let out = ["--out", "untouched"];
    let until = |epochs: u32| ["--epochs".to_string(), epochs.to_string()];
    let [flag, count] = &until(place - 1);
    done(home, &train(&adapter, &[&out[..], &[flag, count]].concat()))?;
    let untouched = home.join("untouched");
    let at_end = checkpoint(&untouched, (place - 1) * STEPS)?;
    if checkpoint(&run, (place - 1) * STEPS)? != at_end {
        return Err(format!("after epoch {} the edited training has other bits", place - 1));
    }
    let [flag, count] = &until(place);
    done(home, &["resume", "untouched", flag, count])?;
    done(home, &["resume", flag, count])?;
    if bits(&run)? != bits(&untouched)? {
        return Err(format!("after epoch {place} the training that went on has other bits"));
    }
    nothing_remains(&run)?;
    nothing_leaks(&samples)
}

/// Edits up to so many, and returns what the training held after each.
fn edit(
    training: &Training,
    editor: &mut Editor,
    edits: usize,
    reader: &Reader,
) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    training.until("hot reload: the shaders come from")?;
    training.until("step ")?;
    while editor.edits < edits {
        editor.edit(training)?;
        samples.extend(Sample::of(training.id(), editor.edits));
        if !reader.is_content() {
            return Err("the reader found something that is not whole".into());
        }
    }
    Ok(samples)
}

/// The first sample, one of the middle and the last.
fn told(samples: &[Sample]) -> String {
    let some = [samples.first(), samples.get(samples.len() / 2), samples.last()];
    some.into_iter().flatten().map(Sample::to_string).collect::<Vec<_>>().join("; ")
}

fn nothing_leaks(samples: &[Sample]) -> Result<(), String> {
    // Where the system does not tell there is nothing to compare.
    let Some([before, after]) = growth(samples) else { return Ok(()) };
    println!("the least when warm and at the end: {before}; {after}");
    let grown = after.files > before.files
        || after.memory > before.memory + before.memory / 10 + SLACK.0
        || after.threads > before.threads + SLACK.1;
    if grown { Err(format!("it leaks: {before}; {after}")) } else { Ok(()) }
}

fn checkpoint(run: &Path, step: u32) -> Result<State, String> {
    let network = Sizes::default().network().map_err(|error| error.to_string())?;
    let path = run.join(format!("checkpoints/step_{step:010}.safetensors"));
    Checkpoint::load(&path, &network).map(|found| found.state).map_err(|error| error.to_string())
}

/// The epoch in progress, by the newest checkpoint.
fn epoch(run: &Path) -> Result<u32, String> {
    let files = run.join("checkpoints").read_dir().map_err(|error| error.to_string())?;
    let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let step = |name: String| name.strip_prefix("step_")?.strip_suffix(".safetensors")?.parse::<u32>().ok();
    let newest = files.filter_map(name).filter_map(step).max();
    newest.map(|step| step / STEPS + 1).ok_or_else(|| "there is no checkpoint".into())
}

/// All that must be equal: checksums of parameters and moments, and the metrics but for times.
fn bits(run: &Path) -> Result<([Value; 2], Vec<Value>), String> {
    let read = |file: &str| fs::read_to_string(run.join(file)).map_err(|error| format!("{file}: {error}"));
    let line = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let fields = entry.as_object_mut().ok_or("a line that is no object")?;
        fields.retain(|name, _| name != "seconds" && name != "images_per_second");
        Ok::<_, String>(entry)
    };
    let summary: Value = serde_json::from_str(&read("summary.json")?).map_err(|error| error.to_string())?;
    let metrics = read("metrics.jsonl")?.lines().map(line).collect::<Result<_, _>>()?;
    Ok((["parameters_sha256", "moments_sha256"].map(|name| summary[name].clone()), metrics))
}

/// No file that was being saved is left.
fn nothing_remains(run: &Path) -> Result<(), String> {
    let files = |folder: PathBuf| folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut all = files(run.to_path_buf()).chain(files(run.join("checkpoints")));
    let is_left =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains("-new-"));
    all.find(is_left).map_or(Ok(()), |path| Err(format!("{} is left", path.display())))
}
