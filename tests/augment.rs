//! `--augment` and `data preview`, as a user meets them.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{err, out, refused, run};

/// SHA-256 of the parameters after a short training.
fn trained(folder: &Path, name: &str, augment: &[&str]) -> String {
    let small =
        ["train", "--adapter", "cpu", "--dataset", "drawn", "--limit", "64", "--epochs", "1", "--out", name];
    let output = run(folder, &[&small, augment].concat());
    assert!(output.status.success(), "{}", err(&output));
    let summary = std::fs::read_to_string(folder.join(name).join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    summary["parameters_sha256"].as_str().unwrap().to_string()
}

#[test]
fn only_what_changes_an_image_changes_the_training() {
    let folder = TempDir::new().unwrap();
    let plain = trained(folder.path(), "plain", &[]);
    assert_eq!(
        trained(folder.path(), "zero", &["--augment", "light,rotation=0,scale=0,shear=0,shift=0"]),
        plain
    );
    let light = trained(folder.path(), "light", &["--augment", "light"]);
    assert_ne!(light, plain);
    assert_ne!(trained(folder.path(), "other", &["--augment", "light,shift=3"]), light);
    let config = std::fs::read_to_string(folder.path().join("other/config.json")).unwrap();
    assert!(config.contains("\"augment\": \"rotation="), "{config}");
    let words = ["--augment cannot change", "with light, not full"];
    refused(folder.path(), &["resume", "light", "--augment", "full"], 2, &words);
}

#[test]
fn amounts_that_make_no_sense_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| refused(folder.path(), arguments, 2, words);
    refused(&["train", "--augment", "strong"], &["`strong` must be none, light or full"]);
    refused(&["train", "--augment", "light,rotation=90"], &["`rotation` must be a number from 0 to 45"]);
    refused(&["data", "preview", "--augment", "twist=1"], &["there is no `twist`", "elastic"]);
}

#[test]
fn the_preview_is_drawn_as_svg_and_png() {
    let folder = TempDir::new().unwrap();
    let output = run(
        folder.path(),
        &["data", "preview", "--dataset", "drawn", "--augment", "light", "--out", "sheet"],
    );
    assert!(output.status.success(), "{}", err(&output));
    let names = ["sheet/preview.svg", "sheet/preview.png"];
    assert_eq!(out(&output).lines().collect::<Vec<_>>(), names);
    let svg = std::fs::read_to_string(folder.path().join(names[0])).unwrap();
    // Ten digits, as they are and in nine epochs.
    assert_eq!(svg.matches("<image ").count(), 100);
    assert!(svg.contains("--augment light") && svg.contains("epoch 9"));
    let png = image::open(folder.path().join(names[1])).unwrap();
    assert!(png.width() > 1000 && png.height() > 1000, "{} x {}", png.width(), png.height());
}
