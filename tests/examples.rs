//! The examples, as a user runs them: small, quick, and silent but for their results. `cargo test` builds them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const EXAMPLES: [&str; 3] = ["predict", "third_head", "train"];
/// No example has more lines.
const MOST_LINES: usize = 59;

fn run(name: &str, arguments: &[&Path]) -> Output {
    let test = std::env::current_exe().unwrap();
    // Tests lie in `deps`, beside the folder of the examples.
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    let binary = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let cure = "`cargo test` without `--test`, or `cargo build --examples`, builds it";
    let output = Command::new(&binary).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{}: {error}: {cure}", binary.display()))
}

/// What it prints, if it ends well and has nothing to say beside.
fn printed(name: &str, arguments: &[&Path]) -> String {
    let output = run(name, arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.is_empty(), "{name}: {}: {told}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// The number after these words, up to ` %`.
fn percent(text: &str, words: &str) -> f64 {
    let rest = text.split(words).nth(1).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    rest.split(" %").next().unwrap().parse().unwrap()
}

#[test]
fn all_examples_are_short_and_known() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, EXAMPLES);
    for file in &files {
        let lines = std::fs::read_to_string(file).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{}: {lines} lines", file.display());
    }
}

#[test]
fn the_readme_shows_the_first_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let example = std::fs::read_to_string(root.join("examples/train.rs")).unwrap();
    // Without the line that says what it is, and the empty one below.
    let program = example.split_once("\n\n").unwrap().1;
    assert!(readme.contains(&format!("```rust\n{program}```")), "README.md shows another program");
}

#[test]
fn train_learns_the_drawn_digits_and_saves_the_weights() {
    let text = printed("train", &[]);
    assert!(text.starts_with("on CPU engine (") && text.contains("\nepoch 1: loss "), "{text}");
    assert!(percent(&text, "digit: ") > 90.0 && percent(&text, "sum: ") > 50.0, "{text}");
    assert!(text.contains("the same weights: true"), "{text}");
}

#[test]
fn third_head_tells_whether_the_sum_is_odd() {
    let text = printed("third_head", &[]);
    // Chance would be a half.
    assert!(percent(&text, "parity: ") > 80.0, "{text}");
    let (even, odd) = (percent(&text, "even "), percent(&text, "odd "));
    assert!((even + odd - 100.0).abs() < 0.2, "{text}");
    let digit: u32 = text.lines().last().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!(odd > even, digit % 2 == 1, "{text}");
}

#[test]
fn predict_reads_a_digit_that_it_draws_and_a_picture() {
    let text = printed("predict", &[]);
    let digit: u32 = text.strip_prefix("a drawn ").unwrap().split('\n').next().unwrap().parse().unwrap();
    assert!(text.contains(&format!("digit: {digit} (")), "{text}");
    assert!(text.contains(&format!("sum: {} (", digit + 3)) && text.contains('#'), "{text}");

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("one.png");
    let bar = |x, y| image::Luma([if (28..34).contains(&x) && (10..50).contains(&y) { 20 } else { 250u8 }]);
    image::GrayImage::from_fn(60, 60, bar).save(&file).unwrap();
    let text = printed("predict", &[&file]);
    assert!(text.contains("digit: 1 (") && text.contains("sum: 4 ("), "{text}");

    let output = run("predict", &[&folder.path().join("none.png")]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("none.png") && !told.contains("panicked"), "{told}");
}
