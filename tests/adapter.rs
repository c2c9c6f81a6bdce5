//! What computes where no adapter is named: a GPU, else the faster of a software driver and the CPU engine. Where
//! there is no software driver, or a GPU too, most of it cannot be seen.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
    for variable in ["WGPU_ADAPTER_NAME", "WGPU_BACKEND", "WGPU_POWER_PREF"] {
        command.env_remove(variable);
    }
    command.current_dir(folder).args(arguments).output().unwrap()
}

/// What a command that ends well says.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// The name of the software driver that is preferred, unless there is none or a GPU too.
fn only_software_driver() -> Option<String> {
    let output = run(Path::new("."), &["adapters", "--json"]);
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    if std::env::var_os("REQUIRE_GPU").is_some_and(|required| required == "1") {
        assert!(all.iter().any(|adapter| adapter["index"].is_u64()), "{all:?}");
    }
    let drivers = || all.iter().filter(|adapter| adapter["index"].is_u64());
    if drivers().any(|driver| driver["software"] == false) {
        return None;
    }
    drivers().next().map(|driver| driver["name"].as_str().unwrap().to_owned())
}

const TRIAL: &str = "the faster in a trial";
const EVAL: [&str; 3] = ["eval", "--dataset", "drawn"];

/// The number before ` ms` that stands after `word` first.
fn milliseconds(said: &str, word: &str) -> f64 {
    let after = said.split_once(word).unwrap_or_else(|| panic!("no `{word}` in {said}")).1;
    after.split_once(" ms").unwrap().0.trim().parse().unwrap()
}

#[test]
fn the_faster_in_a_trial_computes() {
    let Some(driver) = only_software_driver() else { return };
    let folder = TempDir::new().unwrap();
    for named in [&[][..], &["--adapter", "auto"]] {
        let said = said(folder.path(), &[&EVAL, named].concat());
        let line = said.lines().find(|line| line.contains(TRIAL)).unwrap_or_else(|| panic!("{said}"));
        let cpu = milliseconds(line, "take the CPU engine");
        let software = milliseconds(line, &format!("and {driver}"));
        assert!(cpu > 0.0 && software > 0.0, "{line}");
        let (winner, other) = if software < cpu {
            (driver.as_str(), "--adapter cpu")
        } else {
            ("CPU engine", "--adapter software")
        };
        assert!(line.contains(other), "{line}");
        assert!(said.contains(&format!("adapter: {winner}")), "{said}");
    }
}

#[test]
fn what_only_a_driver_has_needs_no_trial() {
    let Some(driver) = only_software_driver() else { return };
    let folder = TempDir::new().unwrap();
    for asked in [
        &["--adapter", "high-performance"][..],
        &["--adapter", "low-power"],
        &["--adapter", "software"],
        &["--require-gpu"],
        &["--plan", "fused"],
    ] {
        let said = said(folder.path(), &[&EVAL, asked].concat());
        assert!(!said.contains(TRIAL) && said.contains(&format!("adapter: {driver}")), "{asked:?}: {said}");
    }
    // Ends at the data, which come after the adapter. The recipe names a plan, too, but the user did not.
    let train = ["train", "--data-dir", "nowhere"];
    for (asked, tried) in
        [(&["--plan", "layered"][..], false), (&["--tune"], false), (&["--recipe", "best"], true)]
    {
        let output = run(folder.path(), &[&train, asked].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert_eq!(said.contains(TRIAL), tried, "{asked:?}: {said}");
    }
}

#[test]
fn a_training_goes_on_where_it_was() {
    let Some(driver) = only_software_driver() else { return };
    let folder = TempDir::new().unwrap();
    let small = ["--dataset", "drawn", "--limit", "128", "--epochs", "1"];
    for (adapter, name) in [("cpu", "CPU engine"), ("software", driver.as_str())] {
        said(folder.path(), &[&["train", "--out", adapter, "--adapter", adapter], &small[..]].concat());
        let said = said(folder.path(), &["resume", adapter, "--epochs", "2", "--adapter", "auto"]);
        assert!(!said.contains(TRIAL) && said.contains(&format!("adapter: {name}")), "{said}");
    }
}

#[test]
fn one_picture_is_worth_no_trial() {
    let Some(_) = only_software_driver() else { return };
    let folder = TempDir::new().unwrap();
    let picture = |x, _| image::Luma([if (12..16).contains(&x) { 255 } else { 0 }]);
    image::GrayImage::from_fn(28, 28, picture).save(folder.path().join("one.png")).unwrap();
    let said = said(folder.path(), &["predict", "one.png", "--number", "3"]);
    assert!(!said.contains(TRIAL) && said.contains("adapter: CPU engine"), "{said}");
}
