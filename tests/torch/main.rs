//! The Python of `docs/pytorch.md`, run: our weights in PyTorch, and PyTorch's in `eval`, `predict` and `train`.
//!
//! `PYTHON` names the interpreter, `python3` where it is not set. Where it has no torch the tests are shown as ignored;
//! with `REQUIRE_TORCH=1` they fail.

#[path = "../common/mod.rs"]
mod common;

use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

use common::program::{err, out, refused, run};
use common::runtimes::{
    Given, compared_on_the_test_set, finished, grey, interpreter, one_hot, python, shipped, test_set, written,
};
use digit_adder::data::{drawn_digits, picture};
use digit_adder::network::{DIGITS, Loss};
use digit_adder::selftest::comparator::{Tol, close};
use digit_adder::train::model_file::{self, SHIPPED};
use image::GrayImage;
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use tempfile::TempDir;

/// Both sides take the softmax of logits that are no more than 1e-5 apart.
const PROBABILITIES: Tol = Tol { absolute: 1e-5, relative: 0.0 };
const LOSSES: Tol = Tol { absolute: 1e-5, relative: 0.0 };
const ADDEND: &str = "3";

fn main() -> ExitCode {
    let required = std::env::var("REQUIRE_TORCH").is_ok_and(|value| value == "1");
    match runtime() {
        Ok(versions) => println!("{versions}"),
        Err(reason) => eprintln!("the tests that need torch, safetensors and numpy are ignored: {reason}"),
    }
    let trial = |name: &str, run: fn() -> Result<(), String>| {
        let checked = move || {
            runtime()?;
            Ok(run()?)
        };
        Trial::test(name, checked).with_ignored_flag(!required && runtime().is_err())
    };
    let trials = vec![
        trial("our weights: the logits of the test set with each addend", the_test_set),
        trial("our weights: both losses", both_losses),
        trial("PyTorch's weights", || taken("plain", "save")),
        trial("PyTorch's weights: the loss", tested),
        trial("PyTorch's weights, from DataParallel", || taken("parallel", "save")),
        trial("PyTorch's weights, compiled", || taken("compiled", "save")),
        trial("PyTorch's weights, both", || taken("both", "save")),
        trial("PyTorch's weights, in float16", || converted("float16", "F16")),
        trial("PyTorch's weights, in bfloat16", || converted("bfloat16", "BF16")),
        trial("PyTorch's weights, in float64", || converted("float64", "F64")),
        trial("PyTorch's weights, as a pickle", unpickled),
        trial("a training goes on from PyTorch's weights", trained_on),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The versions of what Python has, or why it has not.
fn runtime() -> Result<&'static str, String> {
    static VERSIONS: OnceLock<Result<String, String>> = OnceLock::new();
    let last_line = |error: String| error.lines().last().unwrap_or_default().to_string();
    let versions = || python("torch/run.py", &[]).map_err(last_line);
    VERSIONS.get_or_init(versions).as_deref().map_err(Clone::clone)
}

/// Runs blocks of the page in a folder, see the script, and returns what it prints.
fn page(folder: &Path, what: &[&str]) -> Result<String, String> {
    let what = what.iter().map(Path::new);
    python("torch/run.py", &[folder].into_iter().chain(what).collect::<Vec<_>>())
}

/// A folder with the weights that ship as `last.safetensors`.
fn with_our_weights() -> TempDir {
    let folder = TempDir::new().unwrap();
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHIPPED);
    std::fs::copy(weights, folder.path().join("last.safetensors")).unwrap();
    folder
}

fn the_test_set() -> Result<(), String> {
    let (folder, (network, model), (test, name)) = (with_our_weights(), shipped(), test_set()?);
    Given::every_addend(&test).write(folder.path());
    page(folder.path(), &["load"])?;
    let got = written(folder.path(), &network);
    compared_on_the_test_set(&network, &model, (&test, name), &got)
}

/// The losses of the page beside those that `eval` tells of weights that were trained with them.
fn both_losses() -> Result<(), String> {
    let (folder, (network, model)) = (with_our_weights(), shipped());
    let torch = losses(folder.path())?;
    let mut about = model.about.unwrap();
    let mut here = Vec::new();
    for loss in [Loss::Logits, Loss::DoubleSoftmax] {
        about.recipe.loss = loss;
        let path = folder.path().join("trained.safetensors");
        model_file::save(&path, &network, &model.parameters, &about).map_err(|e| e.to_string())?;
        here.push(evaluated(folder.path(), "trained.safetensors"));
    }
    println!("losses in PyTorch {torch:?}, here {here:?}");
    close("losses", &here, &torch, LOSSES).map_err(|e| e.to_string())?;
    Ok(())
}

/// The losses of the page, of `last.safetensors` and the drawn digits.
fn losses(folder: &Path) -> Result<Vec<f64>, String> {
    let test = drawn_digits(1).test;
    let addends = std::iter::repeat_n(ADDEND.parse().unwrap(), test.len());
    Given { images: grey(test.images()), numbers: one_hot(addends) }.write(folder);
    std::fs::write(folder.join("label.u8"), test.labels()).unwrap();
    Ok(serde_json::from_str(&page(folder, &["losses", ADDEND])?).unwrap())
}

/// The loss that `eval` tells of the drawn digits.
fn evaluated(folder: &Path, model: &str) -> f64 {
    let addend = ["--addend", ADDEND, "--dataset", "drawn", "--adapter", "cpu", "--json"];
    let output = run(folder, &[&["eval", model][..], &addend].concat());
    assert!(output.status.success(), "{}", err(&output));
    serde_json::from_str::<Value>(&out(&output)).unwrap()["loss"].as_f64().unwrap()
}

/// Pictures of drawn digits in a folder, and what the network sees of them.
fn pictures(folder: &Path) -> (Vec<String>, Given) {
    let digits = drawn_digits(2).test;
    let names: Vec<String> = (0..DIGITS).map(|n| format!("{n}.png")).collect();
    let mut images = Vec::new();
    for (name, pixels) in names.iter().zip(digits.images().chunks(28 * 28)) {
        let path = folder.join(name);
        GrayImage::from_raw(28, 28, pixels.to_vec()).unwrap().save(&path).unwrap();
        images.extend(grey(&picture::read(&path).unwrap().pixels));
    }
    let numbers = one_hot(std::iter::repeat_n(ADDEND.parse().unwrap(), DIGITS));
    (names, Given { images, numbers })
}

/// A network of PyTorch's own, saved by a block of the page, with the pictures in the same folder.
fn saved(kind: &str, block: &str) -> Result<(TempDir, Vec<String>), String> {
    let folder = TempDir::new().unwrap();
    let (pictures, given) = pictures(folder.path());
    given.write(folder.path());
    page(folder.path(), &[kind, block])?;
    Ok((folder, pictures))
}

/// `predict` has the probabilities that PyTorch has.
fn same_probabilities(folder: &Path, model: &str, pictures: &[String]) -> Result<(), String> {
    let (network, _) = shipped();
    let logits = written(folder, &network);
    let pictures: Vec<&str> = pictures.iter().map(String::as_str).collect();
    let arguments = ["predict", "--model", model, "--number", ADDEND, "--adapter", "cpu", "--json"];
    let output = run(folder, &[&arguments[..], &pictures].concat());
    assert!(output.status.success(), "{}", err(&output));
    let reports: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), pictures.len());
    for (head, logits) in network.heads().iter().zip(&logits) {
        let of_picture = |report: &Value| -> Vec<f64> {
            serde_json::from_value(report[format!("{}_probabilities", head.name)].clone()).unwrap()
        };
        let got: Vec<f64> = reports.iter().flat_map(of_picture).collect();
        let want: Vec<f64> = logits.chunks(head.classes).flat_map(softmax).collect();
        close(&head.name, &got, &want, PROBABILITIES).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let powers: Vec<f64> = logits.iter().map(|&x| f64::from(x).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn taken(kind: &str, block: &str) -> Result<(), String> {
    let (folder, pictures) = saved(kind, block)?;
    same_probabilities(folder.path(), "mine.safetensors", &pictures)
}

/// `eval` tells the loss that PyTorch has of its own network.
fn tested() -> Result<(), String> {
    let (folder, _) = saved("plain", "save")?;
    std::fs::copy(folder.path().join("mine.safetensors"), folder.path().join("last.safetensors")).unwrap();
    let (torch, here) = (losses(folder.path())?[0], evaluated(folder.path(), "mine.safetensors"));
    println!("the loss in PyTorch {torch}, here {here}");
    close("loss", &[here], &[torch], LOSSES).map_err(|e| e.to_string())?;
    Ok(())
}

/// Another precision is refused by name, and taken as the page converts it.
fn converted(kind: &str, dtype: &str) -> Result<(), String> {
    let (folder, _) = saved(kind, "save")?;
    for command in [&["eval"][..], &["predict", "0.png", "--number", ADDEND, "--model"], &["train", "--init"]]
    {
        let words = ["mine.safetensors: tensor `", &format!("is {dtype}, not F32"), "`tensor.float()`"];
        refused(folder.path(), &[command, &["mine.safetensors"]].concat(), 4, &words);
    }
    taken(kind, "float32")
}

/// The line of the error is the page's, and converts.
fn unpickled() -> Result<(), String> {
    let (folder, pictures) = saved("plain", "convert")?;
    same_probabilities(folder.path(), "model.safetensors", &pictures)?;
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let message = refused(folder.path(), &["eval", "mine.pt"], 4, &["mine.pt: is a PyTorch file"]);
    let line = message.split('`').nth(1).ok_or("no line of Python in the error")?;
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pytorch.md")).unwrap();
    assert!(text.contains(&format!("```python convert\n{line}\n```")), "not on the page: {line}");
    finished(interpreter().current_dir(folder.path()).args(["-c", line]))?;
    same_probabilities(folder.path(), "model.safetensors", &pictures)
}

/// A rate that changes no weight shows where the training began.
fn trained_on() -> Result<(), String> {
    let (folder, _) = saved("compiled", "save")?;
    let (network, at) = (shipped().0, |name: &str| folder.path().join(name));
    let train = ["train", "--init", "mine.safetensors", "--lr", "1e-30", "--epochs", "1", "--limit", "64"];
    let output = run(
        folder.path(),
        &[&train[..], &["--dataset", "drawn", "--adapter", "cpu", "--out", "run"]].concat(),
    );
    assert!(output.status.success(), "{}", err(&output));
    let load = |path: &Path| model_file::load(path, &network).map_err(|e| e.to_string());
    assert_eq!(load(&at("run/last.safetensors"))?.parameters, load(&at("mine.safetensors"))?.parameters);
    Ok(())
}
