//! The weights that ship with the program, and which argument of `predict` means weights.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use digit_adder::network::Sizes;
use digit_adder::train::Recipe;
use digit_adder::train::model_file::{self, About};
use image::{GrayImage, ImageFormat, Luma};
use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{err, out, refused, run, trained};

/// What stderr says where they are used.
const SHIPPED: &str = "weights: those that ship with the program (assets/digit-adder.safetensors)\n";

/// A seven in ink on paper: a bar, and a stroke from its right end down to the left.
fn seven() -> GrayImage {
    GrayImage::from_fn(120, 160, |x, y| {
        let bar = (30..90).contains(&x) && (30..42).contains(&y);
        let middle = 84.0 - (f64::from(y) - 36.0) * 0.4;
        let stroke = (30..130).contains(&y) && (f64::from(x) - middle).abs() <= 6.5;
        Luma([if bar || stroke { 25 } else { 245 }])
    })
}

fn predict(folder: &Path, arguments: &[&str]) -> Output {
    run(folder, &[&["predict", "--number", "3", "--adapter", "cpu"], arguments].concat())
}

#[test]
fn a_seven_and_three_are_ten_without_any_training() {
    let folder = TempDir::new().unwrap();
    seven().save(folder.path().join("seven.png")).unwrap();
    let output = predict(folder.path(), &["seven.png", "--json"]);
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!(err(&output), SHIPPED);
    let answer: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((&answer["digit"], &answer["sum"]), (&7.into(), &10.into()));
    // Several pictures, a folder of them, and the standard input.
    std::fs::create_dir(folder.path().join("many")).unwrap();
    seven().save(folder.path().join("many/also.png")).unwrap();
    let output = predict(folder.path(), &["many", "seven.png"]);
    let lines: Vec<String> = out(&output).lines().map(String::from).collect();
    assert_eq!(lines.len(), 2, "{}", err(&output));
    assert!(lines[0].starts_with("many/also.png: digit 7 (") && lines[1].starts_with("seven.png: digit 7 ("));
    let mut child = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .args(["predict", "-", "--number", "3", "--adapter", "cpu"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut png = std::io::Cursor::new(Vec::new());
    seven().write_to(&mut png, ImageFormat::Png).unwrap();
    child.stdin.take().unwrap().write_all(png.get_ref()).unwrap();
    let piped = child.wait_with_output().unwrap();
    assert!(out(&piped).starts_with("digit 7 ("), "{}", out(&piped));
}

/// Weights that take every picture for the digit 2 and every sum for 11.
fn saved(path: &Path) {
    let network = Sizes::default().network().unwrap();
    let mut flat = vec![0.0; network.flat_len()];
    for (bias, class) in [("out1.bias", 2), ("out2.bias", 11)] {
        flat[network.parameter(bias).unwrap().range().start + class] = 9.0;
    }
    let (version, dataset) = ("0".into(), "none".into());
    let about = About {
        version,
        recipe: Recipe::default(),
        trained_epochs: Some(1),
        dataset,
        test_sha256: None,
        averaged: false,
    };
    model_file::save(path, &network, &flat, &about).unwrap();
}

#[test]
fn the_first_argument_is_the_model_if_it_is_one() {
    let folder = TempDir::new().unwrap();
    seven().save(folder.path().join("seven.png")).unwrap();
    for name in ["two.safetensors", "two", "two.png"] {
        saved(&folder.path().join(name));
    }
    let two = |arguments: &[&str]| {
        let output = predict(folder.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", err(&output));
        assert!(!err(&output).contains(SHIPPED), "{arguments:?}");
        assert!(out(&output).contains("digit 2 (") && out(&output).contains("sum 11 ("), "{}", out(&output));
    };
    // By its content, whatever it is called.
    two(&["two.safetensors", "seven.png"]);
    two(&["two", "seven.png"]);
    two(&["two.png", "seven.png", "seven.png"]);
    two(&["--model", "two", "seven.png"]);
    two(&["seven.png", "--model=two"]);
    trained(folder.path(), &[]);
    for run in [&["run", "seven.png"][..], &["--model", "run", "seven.png"]] {
        let output = predict(folder.path(), run);
        assert!(output.status.success() && !err(&output).contains(SHIPPED), "{}", err(&output));
    }
}

#[test]
fn weights_alone_and_what_is_not_there_are_told() {
    let folder = TempDir::new().unwrap();
    seven().save(folder.path().join("seven.png")).unwrap();
    saved(&folder.path().join("two"));
    trained(folder.path(), &[]);
    let refused = |arguments: &[&str], code, words: &[&str]| {
        let base = ["predict", "--number", "3", "--adapter", "cpu"];
        refused(folder.path(), &[&base, arguments].concat(), code, words);
    };
    for weights in ["two", "run", "gone.safetensors"] {
        refused(&[weights], 2, &[weights, "so a picture is missing", "PICTURE --number 3"]);
    }
    refused(&["gone.png"], 4, &["gone.png"]);
    // It may have been a run: nothing is answered with other weights.
    refused(
        &["runs/gone", "seven.png"],
        4,
        &["runs/gone: there is no such file, be it weights or a picture"],
    );
    refused(&["gone.safetensors", "seven.png"], 4, &["gone.safetensors"]);
    refused(&["--model", "gone", "seven.png"], 4, &["gone"]);
    refused(&["--model", "two"], 2, &["<PICTURE>"]);
    // Among pictures weights are none.
    let output = predict(folder.path(), &["seven.png", "two"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(out(&output).starts_with("seven.png: digit 7 ("), "{}", out(&output));
}

#[test]
fn they_can_be_tested_and_summarised() {
    let folder = TempDir::new().unwrap();
    let eval = ["eval", "--adapter", "cpu", "--dataset", "drawn", "--addend", "3", "--json"];
    let reports = [&eval[..], &["summary", "--json"]].map(|command| {
        let output = run(folder.path(), command);
        assert!(output.status.success() && err(&output).contains(SHIPPED), "{}", err(&output));
        serde_json::from_str::<Value>(&out(&output)).unwrap()
    });
    assert_eq!(reports.each_ref().map(|report| &report["model"]), [&Value::Null; 2]);
    assert_eq!(reports[0]["parameters_sha256"], reports[1]["parameters_sha256"]);
}
