//! `predict`: pictures as users have them, alone, in folders and through a pipe.

use std::io::Write;
use std::process::{Command, Stdio};

use image::{GrayImage, ImageFormat, Luma};
use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{err, out, refused, run, trained};

/// A bar on light paper, which may be a one.
fn bar() -> GrayImage {
    GrayImage::from_fn(60, 60, |x, y| {
        Luma([if (28..34).contains(&x) && (10..50).contains(&y) { 20 } else { 250 }])
    })
}

const PREDICT: [&str; 6] = ["predict", "run/last.safetensors", "--number", "4", "--adapter", "cpu"];

#[test]
fn predict_prints_digit_and_sum() {
    let folder = TempDir::new().unwrap();
    trained(folder.path(), &[]);
    bar().save(folder.path().join("one.png")).unwrap();
    let predict = |more: &[&str]| {
        let base =
            ["predict", "run/last.safetensors", "one.png", "--number", "4", "--adapter", "cpu", "--show"];
        let output = run(folder.path(), &[&base[..], more].concat());
        assert!(output.status.success(), "{}", err(&output));
        assert!(err(&output).contains("inverted") && err(&output).contains("60 x 60"), "{}", err(&output));
        out(&output)
    };
    let report: Value = serde_json::from_str(&predict(&["--json"])).unwrap();
    for (name, classes) in [("digit_probabilities", 10), ("sum_probabilities", 19)] {
        let probabilities: Vec<f64> = serde_json::from_value(report[name].clone()).unwrap();
        assert_eq!(probabilities.len(), classes);
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() <= 1e-5, "{probabilities:?}");
    }
    let text = predict(&[]);
    let expected = format!("digit {} (", report["digit"]);
    assert!(text.starts_with(&expected) && text.contains(&format!("  sum {} (", report["sum"])), "{text}");
    refused(
        folder.path(),
        &["predict", "run/last.safetensors", "run/plots/loss.svg", "--number", "4"],
        4,
        &["loss.svg"],
    );
}

#[test]
fn several_pictures_and_folders_give_a_line_each() {
    let folder = TempDir::new().unwrap();
    trained(folder.path(), &[]);
    std::fs::create_dir(folder.path().join("many")).unwrap();
    bar().save(folder.path().join("many/b.png")).unwrap();
    bar().save_with_format(folder.path().join("many/a.png"), ImageFormat::Bmp).unwrap();
    std::fs::write(folder.path().join("many/labels.tsv"), "a.png\t1\n").unwrap();
    bar().save(folder.path().join("c.png")).unwrap();
    std::fs::write(folder.path().join("broken.png"), "\u{89}PNG").unwrap();

    let output = run(folder.path(), &[&PREDICT[..], &["c.png", "many"]].concat());
    assert!(output.status.success(), "{}", err(&output));
    let names: Vec<String> =
        out(&output).lines().map(|line| line.split(": digit ").next().unwrap().to_string()).collect();
    assert_eq!(names, ["c.png", "many/a.png", "many/b.png"]);
    assert!(err(&output).contains("many: 1 file is not a picture"), "{}", err(&output));

    let output = run(folder.path(), &[&PREDICT[..], &["c.png", "broken.png", "many", "--json"]].concat());
    assert_eq!(output.status.code(), Some(4), "{}", err(&output));
    assert!(err(&output).contains("1 of 4 pictures could not be read"), "{}", err(&output));
    let lines: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1]["error"].as_str().unwrap().contains("broken.png") && lines[1]["digit"].is_null());
    assert!(lines[2]["digit"] == lines[0]["digit"] && lines[2]["warnings"].is_array());

    let words = ["--save-prepared takes one picture, but there are 3"];
    let many = ["c.png", "many", "--save-prepared", "x.png"];
    refused(folder.path(), &[&PREDICT[..], &many].concat(), 2, &words);
}

#[test]
fn a_doubt_is_told_and_can_be_an_error() {
    let folder = TempDir::new().unwrap();
    trained(folder.path(), &[]);
    // Two bars far from each other, so two digits.
    let two = GrayImage::from_fn(100, 60, |x, y| {
        let ink = ((20..26).contains(&x) || (70..76).contains(&x)) && (10..50).contains(&y);
        Luma([if ink { 20 } else { 250 }])
    });
    two.save(folder.path().join("two.png")).unwrap();
    let output = run(folder.path(), &[&PREDICT[..], &["two.png", "--json"]].concat());
    assert!(output.status.success() && err(&output).contains("warning: "), "{}", err(&output));
    let line: Value = serde_json::from_str(&out(&output)).unwrap();
    let warnings = line["warnings"].as_array().unwrap();
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().contains("2 digits")), "{warnings:?}");
    let output = run(folder.path(), &[&PREDICT[..], &["two.png", "--strict"]].concat());
    assert_eq!(output.status.code(), Some(6), "{}", err(&output));
    assert!(out(&output).starts_with("digit "), "the answer is printed all the same");
}

#[test]
fn a_picture_comes_through_a_pipe_and_is_kept_as_it_was_read() {
    let folder = TempDir::new().unwrap();
    trained(folder.path(), &[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .current_dir(folder.path())
        .args([&PREDICT[..], &["-", "--save-prepared", "seen.png", "--json"]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut png = std::io::Cursor::new(Vec::new());
    bar().write_to(&mut png, ImageFormat::Png).unwrap();
    child.stdin.take().unwrap().write_all(png.get_ref()).unwrap();
    let piped = child.wait_with_output().unwrap();
    assert!(piped.status.success());
    let seen = image::open(folder.path().join("seen.png")).unwrap();
    assert_eq!((seen.width(), seen.height()), (28, 28));
    // What the network sees has MNIST's form and so stays as it is.
    let again = run(folder.path(), &[&PREDICT[..], &["seen.png", "--json"]].concat());
    let [first, second] =
        [out(&piped), out(&again)].map(|line| serde_json::from_str::<Value>(&line).unwrap());
    assert_eq!(first["digit_probabilities"], second["digit_probabilities"]);
}
