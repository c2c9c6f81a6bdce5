//! What comes from outside: names that stand for no files, files without an end, names that are commands to a
//! terminal, and streams that are closed or full.

#![cfg(unix)]

use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use digit_adder::network::Sizes;
use image::{GrayImage, Luma};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{err, out, refused, run, trained};

const NUMBER: [&str; 4] = ["--number", "4", "--adapter", "cpu"];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A folder with a picture of what may be a one.
fn with_picture() -> TempDir {
    let folder = TempDir::new().unwrap();
    let bar = |x, y| Luma([if (28..34).contains(&x) && (10..50).contains(&y) { 20 } else { 250 }]);
    GrayImage::from_fn(60, 60, bar).save(folder.path().join("one.png")).unwrap();
    folder
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn bash(folder: &Path, script: &str) -> Output {
    let mut command = Command::new("bash");
    command.env("PROGRAM", env!("CARGO_BIN_EXE_digit-adder")).env_remove("MNIST_DIR");
    command.current_dir(folder).args(["-c", script]).output().unwrap()
}

#[track_caller]
fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", err(output));
}

#[test]
fn what_is_named_for_writing_stays_what_it_is() {
    let folder = with_picture();
    let at = |name: &str| folder.path().join(name);
    let save = |name| [&["predict", "one.png", "--save-prepared", name], &NUMBER[..]].concat();
    // A pipe, a link to it, and a link to a file that is not there yet.
    pipe(&at("pipe"));
    symlink("pipe", at("piped")).unwrap();
    symlink("kept.png", at("link")).unwrap();
    for name in ["pipe", "piped"] {
        let source = at("pipe");
        let reader = std::thread::spawn(move || std::fs::read(source).unwrap());
        succeeded(&run(folder.path(), &save(name)));
        assert!(reader.join().unwrap().starts_with(PNG));
        assert!(at("pipe").metadata().unwrap().file_type().is_fifo() && at("piped").is_symlink());
    }
    succeeded(&run(folder.path(), &save("link")));
    assert!(at("link").is_symlink() && std::fs::read(at("kept.png")).unwrap().starts_with(PNG));
    std::fs::create_dir(at("folder")).unwrap();
    refused(folder.path(), &save("folder"), 4, &["cannot write folder: it is a folder"]);
    if cfg!(target_os = "linux") {
        let output = bash(folder.path(), &format!("\"$PROGRAM\" {} > log", save("/dev/stdout").join(" ")));
        succeeded(&output);
        let log = std::fs::read(at("log")).unwrap();
        let text = String::from_utf8_lossy(&log).into_owned();
        assert!(text.contains("PNG") && text.contains("sum: 0: "), "what is printed is kept: {text}");
        refused(folder.path(), &save("/dev/full"), 4, &["cannot write /dev/full: No space left"]);
    }
    let names = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let hidden = names.filter(|name| name.as_encoded_bytes().starts_with(b"."));
    assert_eq!(hidden.count(), 0, "nothing temporary is left");
}

#[cfg(target_os = "linux")]
#[test]
fn plots_that_cannot_be_drawn_cost_nothing_else() {
    let folder = TempDir::new().unwrap();
    trained(folder.path(), &[]);
    let run_folder = folder.path().join("run");
    let curve = run_folder.join("plots/loss.svg");
    std::fs::remove_file(&curve).unwrap();
    symlink("/dev/full", &curve).unwrap();
    let output = run(folder.path(), &["resume", "run", "--epochs", "3"]);
    succeeded(&output);
    let warning = "warning: the plots are not all there: cannot write run/plots/loss.svg: No space left";
    assert!(err(&output).contains(warning), "{}", err(&output));
    assert!(out(&output).contains("test => digit "), "{}", out(&output));
    let summary: Value =
        serde_json::from_slice(&std::fs::read(run_folder.join("summary.json")).unwrap()).unwrap();
    assert!(summary["test"]["heads"][0]["correct"].is_number(), "{summary}");
    assert!(run_folder.join("confusions.json").is_file() && curve.is_symlink());
    // What the plots of the test are drawn from may be missing, too.
    std::fs::remove_file(&curve).unwrap();
    std::fs::remove_file(run_folder.join("confusions.json")).unwrap();
    succeeded(&run(folder.path(), &["plot", "run"]));
}

#[cfg(target_os = "linux")]
#[test]
fn what_has_no_end_is_refused_by_its_limit() {
    let folder = with_picture();
    let at = |name: &str| folder.path().join(name);
    let refused = |arguments: &[&str], code, words: &[&str]| {
        refused(folder.path(), arguments, code, words);
    };
    let most = ["/dev/zero: has more than 64 MB, the most that is read"];
    refused(&["eval", "/dev/zero", "--adapter", "cpu"], 4, &most);
    refused(&["summary", "/dev/zero"], 4, &most);
    refused(&["train", "--adapter", "cpu", "--dataset", "drawn", "--init", "/dev/zero"], 4, &most);
    let mut predict = vec!["predict", "/dev/zero"];
    predict.extend(NUMBER);
    refused(&predict, 4, &[most[0], "scale the picture down"]);
    let output = bash(folder.path(), "\"$PROGRAM\" predict - --number 1 --adapter cpu < /dev/zero");
    assert_eq!(output.status.code(), Some(4));
    assert!(err(&output).contains("standard input: has more than 64 MB"), "{}", err(&output));
    refused(&["train", "--config", "/dev/zero"], 4, &["/dev/zero is a pipe or a device"]);

    // A shader and a run's log that are links to something without an end, or pipes that nobody writes to.
    let shaders = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    assert!(Command::new("cp").args(["-r", shaders]).arg(at("shaders")).status().unwrap().success());
    trained(folder.path(), &[]);
    for (name, arguments, code) in [
        ("shaders/relu.wgsl", &["train", "--hot-reload"][..], 2),
        ("run/metrics.jsonl", &["plot", "run"], 4),
        ("run/summary.json", &["plot", "run"], 4),
    ] {
        let kept = std::fs::read(at(name)).unwrap();
        for unending in ["/dev/zero", "pipe"] {
            std::fs::remove_file(at(name)).unwrap();
            match unending {
                "pipe" => pipe(&at(name)),
                device => symlink(device, at(name)).unwrap(),
            }
            // A summary that is no file is none.
            match run(folder.path(), arguments) {
                output if output.status.success() => assert_eq!(name, "run/summary.json"),
                _ => refused(arguments, code, &[name, "pipe or a device"]),
            }
        }
        std::fs::remove_file(at(name)).unwrap();
        std::fs::write(at(name), kept).unwrap();
    }
    let endless = std::fs::File::create(at("run/config.json")).unwrap();
    endless.set_len(1 << 40).unwrap();
    refused(&["plot", "run"], 4, &["run/config.json: has more than 16 MB"]);
}

/// A line break, and a command that clears the screen.
const NASTY: &str = "a\nerror: \u{1b}[2Jb";
const SHOWN: &str = r"a\nerror: \u001b[2Jb";

/// Fails unless the name is told, as text and on its line.
#[track_caller]
fn told_plainly(output: &Output) {
    let all = out(output) + &err(output);
    // Names of adapters are compared in lower case.
    assert!(all.to_lowercase().contains(&SHOWN.to_lowercase()), "{all:?}");
    assert!(!all.contains(|c: char| c.is_control() && c != '\n'), "{all:?}");
    assert!(!all.contains("\nerror: \\u001b"), "{all:?}");
}

#[test]
fn names_of_files_are_no_commands_to_a_terminal() {
    let folder = with_picture();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at(NASTY)).unwrap();
    std::fs::write(at(NASTY).join(NASTY), "x").unwrap();
    std::fs::copy(at("one.png"), at(NASTY).join("one.png")).unwrap();
    let (model, picture) = (format!("{NASTY}/{NASTY}"), format!("{NASTY}/one.png"));
    for arguments in [
        &["eval", &model][..],
        &["eval", NASTY],
        &["summary", "none/\u{1b}\na\nerror: \u{1b}[2Jb"],
        &["plot", NASTY],
        &["resume", NASTY],
        &["predict", NASTY, "--number", "1", "--adapter", "cpu"],
        &["predict", &picture, &model, "--number", "1", "--adapter", "cpu"],
        &["predict", "one.png", "--number", "1", "--adapter", "cpu", "--save-prepared", NASTY],
        &["train", "--config", NASTY],
        &["train", "--out", NASTY],
        &["train", "--data-dir", NASTY, "--adapter", "cpu"],
        &["train", "--data-dir", &model, "--adapter", "cpu"],
        &["train", "--hot-reload", "--shader-dir", NASTY],
        &["train", "--adapter", NASTY],
        &["train", "--epochs", NASTY],
        &["train", "--target-acc", NASTY],
        &["train", "--augment", NASTY],
        &["train", "--val-split", NASTY],
        &["train", "--loss", NASTY],
        &["data", "path", "--data-dir", NASTY],
        &["data", "verify", "--data-dir", NASTY],
        &[NASTY],
        &["train", &format!("--{NASTY}")],
    ] {
        let output = run(folder.path(), arguments);
        println!("{arguments:?}: {:?}", output.status.code());
        told_plainly(&output);
    }
    for variable in
        ["WGPU_BACKEND", "WGPU_POWER_PREF", "WGPU_ADAPTER_NAME", "DIGIT_ADDER_EPOCHS", "MNIST_DIR"]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
        command.env(variable, NASTY.to_lowercase()).current_dir(folder.path());
        let output = command.args(["train", "--dry-run"]).output().unwrap();
        let all = out(&output) + &err(&output);
        assert!(all.contains(&SHOWN.to_lowercase()), "{variable}: {all:?}");
        assert!(!all.contains('\u{1b}') && !all.contains("\nerror: \\u001b"), "{variable}: {all:?}");
    }
}

#[test]
fn words_in_files_are_no_commands_to_a_terminal() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let network = Sizes::default().network().unwrap();
    let zeros = vec![0; 4 * network.flat_len()];
    let tensors = network.parameters().iter().map(|p| {
        let bytes = &zeros[..4 * p.shape.iter().product::<usize>()];
        (p.name.clone(), TensorView::new(Dtype::F32, p.shape.clone(), bytes).unwrap())
    });
    let tensors: Vec<_> = tensors.collect();
    let save = |more: Option<&str>, metadata: &str| {
        let named = more.map(|name| (name.to_string(), tensors[0].1.clone()));
        let all: Vec<_> = tensors.iter().cloned().chain(named).collect();
        let metadata = [("digit-adder".to_string(), metadata.to_string())].into();
        std::fs::write(at("w.safetensors"), safetensors::serialize(all, Some(metadata)).unwrap()).unwrap();
    };
    let mut about: Value = serde_json::to_value(digit_adder::train::Recipe::default()).unwrap();
    about["version"] = NASTY.into();
    about["dataset"] = NASTY.into();
    save(None, &about.to_string());
    let output = run(folder.path(), &["summary", "w.safetensors"]);
    succeeded(&output);
    told_plainly(&output);
    about["loss"] = NASTY.into();
    save(None, &about.to_string());
    told_plainly(&run(folder.path(), &["summary", "w.safetensors"]));
    save(Some(NASTY), "{}");
    told_plainly(&run(folder.path(), &["summary", "w.safetensors"]));

    std::fs::write(at("run.toml"), "\"a\\nerror: \\u001b[2Jb\" = 1").unwrap();
    told_plainly(&run(folder.path(), &["train", "--config", "run.toml"]));
    std::fs::write(at("run.toml"), "seed = \"a\\nerror: \\u001b[2Jb\"").unwrap();
    told_plainly(&run(folder.path(), &["train", "--config", "run.toml"]));
    trained(folder.path(), &[]);
    let config = std::fs::read_to_string(at("run/config.json")).unwrap();
    let changed = config.replace("\"logits\"", "\"a\\nerror: \\u001b[2Jb\"");
    assert_ne!(config, changed);
    std::fs::write(at("run/config.json"), changed).unwrap();
    told_plainly(&run(folder.path(), &["plot", "run"]));
}

#[test]
fn objects_keep_names_as_they_are() {
    let folder = with_picture();
    std::fs::rename(folder.path().join("one.png"), folder.path().join("\u{1b}\u{7f}\n.png")).unwrap();
    let arguments = [&["predict", "\u{1b}\u{7f}\n.png", "--json"], &NUMBER[..]].concat();
    let output = run(folder.path(), &arguments);
    succeeded(&output);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["image"], "\u{1b}\u{7f}\n.png");
    assert!(!out(&output).contains('\u{7f}'));
}

#[test]
fn without_a_standard_output_nothing_begins() {
    let folder = TempDir::new().unwrap();
    let train = "train --adapter cpu --dataset drawn --limit 20 --epochs 1 --out run";
    for arguments in [train, "--help", "train --help", "--version", "completions bash", "data path"] {
        let output = bash(folder.path(), &format!("\"$PROGRAM\" {arguments} >&-"));
        assert_eq!(output.status.code(), Some(4), "{arguments}");
        let message = "error: cannot write to standard output: it is closed";
        assert!(err(&output).contains(message), "{arguments}: {}", err(&output));
    }
    assert!(!folder.path().join("run").exists());
    succeeded(&bash(folder.path(), &format!("\"$PROGRAM\" {train} > /dev/null 2>&- <&-")));
    succeeded(&bash(folder.path(), "\"$PROGRAM\" --version <> /dev/null >&0"));
}
