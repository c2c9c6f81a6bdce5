//! `train` with settings from a file and from the environment: which counts, and what is told about wrong ones.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{err, out};

/// What every run here needs. It diverges at once, as testing what it learned would take most of the time.
const BASE: &str = "adapter = 'cpu'\ndataset = 'drawn'\nlimit = 250\nlr = 1e30\nout = 'run'\n";

/// A run of `train` in a folder with `run.toml`, and with these variables only.
fn train(folder: &Path, file: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    std::fs::write(folder.join("run.toml"), file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
    for variable in ["MNIST_DIR", "WGPU_ADAPTER_NAME", "WGPU_BACKEND", "WGPU_POWER_PREF"] {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied()).current_dir(folder).arg("train").args(arguments).output().unwrap()
}

/// What a run was asked for, and what it said.
fn started(file: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (Value, String) {
    let folder = TempDir::new().unwrap();
    let output = train(folder.path(), &format!("{BASE}{file}"), arguments, variables);
    assert_eq!(output.status.code(), Some(5), "{}", err(&output));
    let config = std::fs::read(folder.path().join("run/config.json")).unwrap();
    (serde_json::from_slice(&config).unwrap(), err(&output))
}

#[track_caller]
fn refused(file: &str, arguments: &[&str], variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let folder = TempDir::new().unwrap();
    let output = train(folder.path(), file, arguments, variables);
    let message = err(&output);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(code), ""), "{file}: {message}");
    assert!(message.contains("error: ") && !message.contains("panicked"), "{file}: {message}");
    for word in words {
        assert!(message.contains(word), "{file}: no `{word}` in {message}");
    }
}

const FILE: [&str; 2] = ["--config", "run.toml"];

#[test]
fn flags_stand_above_the_environment_and_that_above_the_file() {
    let file = "seed = 3\nbatch_size = 32\nloss = 'double-softmax'\n";
    let (config, told) = started(file, &FILE, &[]);
    assert_eq!((&config["seed"], &config["batch_size"]), (&3.into(), &32.into()));
    assert_eq!(config["loss"], "double-softmax");
    assert!(told.contains("batch-size, dataset, limit, loss, lr, out and seed from run.toml"), "{told}");

    let variables = [("DIGIT_ADDER_SEED", "4"), ("DIGIT_ADDER_BATCH_SIZE", "16"), ("DIGIT_ADDER_LOSS", "")];
    // Before and after the file is named, it is the same.
    for arguments in [["--seed", "5", "--config=run.toml"], ["--config=run.toml", "--seed", "5"]] {
        let (config, told) = started(file, &arguments, &variables);
        assert_eq!((&config["seed"], &config["batch_size"]), (&5.into(), &16.into()));
        assert_eq!(config["loss"], "double-softmax");
        assert!(told.contains("batch-size from DIGIT_ADDER_BATCH_SIZE,"), "{told}");
    }
}

#[test]
fn keys_and_values_have_several_forms() {
    let file =
        "'batch-size' = 0x20\nlog-interval = 1_000\naddends = 'fixed'\nhot_reload = false\nprofile = false\n";
    let (config, _) = started(file, &FILE, &[("DIGIT_ADDER_CONFIG", "no such file")]);
    assert_eq!((&config["batch_size"], &config["log_interval"]), (&32.into(), &1000.into()));
    assert_eq!(config["addends"], "fixed");
    let named =
        [("DIGIT_ADDER_CONFIG", "run.toml"), ("DIGIT_ADDER_TUNE", "0"), ("DIGIT_ADDER_PROFILE", "false")];
    let (config, _) = started("", &[], &named);
    assert_eq!(config["limit"], 250);
    // What the file turns on, the environment turns off.
    started("tune = true\nprofile = 'trace.json'\n", &FILE, &named[1..]);
}

#[test]
fn an_optional_value_may_be_left_out() {
    let file = "adapter = 'cpu'\ndataset = 'drawn'\nprofile = true\n";
    refused(file, &FILE, &[], 2, &["--profile needs a GPU"]);
    refused(&file.replace("true", "'trace.json'"), &FILE, &[], 2, &["--profile needs a GPU"]);
    let variables = [("DIGIT_ADDER_PROFILE", "1"), ("WGPU_ADAPTER_NAME", "cpu")];
    refused("", &[], &variables, 2, &["--profile needs a GPU"]);
}

#[test]
fn a_wrong_file_is_named_with_line_and_key() {
    for (file, words) in [
        ("seed 1", &["run.toml, line 1: is not TOML"][..]),
        ("\nbatchsize = 1", &["run.toml, line 2: `batchsize` is no flag of train; is `batch_size` meant?"]),
        ("xyzzy = 1", &["run.toml, line 1: `xyzzy` is no flag of train\n"]),
        ("\n\nbatch_size = 0", &["run.toml, line 3: invalid value '0' for `batch_size`: must be at least 1"]),
        (
            "loss = 'hinge'",
            &["line 1: invalid value 'hinge' for `loss`: must be one of logits, double-softmax"],
        ),
        ("out = ''", &["run.toml, line 1: invalid value '' for `out`: it is empty"]),
        ("epochs = true", &["run.toml, line 1", "`epochs`", "not true or false"]),
        ("epochs = 5.0", &["run.toml, line 1: invalid value '5.0' for `epochs`"]),
        ("epochs = [1, 2]", &["`epochs`", "not a list"]),
        ("tune = 'yes'", &["`tune`", "true or false"]),
        ("[train]\nseed = 1", &["run.toml, line 1: `train` is a table"]),
        ("config = 'other.toml'", &["run.toml, line 1: `config` cannot be set in a file"]),
        ("help = true", &["run.toml, line 1: `help` cannot be set in a file"]),
        ("seed = 2000-01-01", &["run.toml, line 1: `seed` is a date"]),
        // Which flag is wrong depends on all of them.
        ("shader_dir = 'x'", &["--hot-reload", "not on the command line: shader-dir from run.toml"]),
    ] {
        refused(file, &FILE, &[], 2, words);
    }
    // A wrong value is told even where another one counts.
    refused("seed = 'x'", &["--config", "run.toml", "--seed", "1"], &[], 2, &["run.toml, line 1", "`seed`"]);
    refused(
        "tune = true",
        &["--config", "run.toml", "--hot-reload"],
        &[],
        2,
        &["cannot be used with", "tune from run.toml"],
    );
    // What the user typed is told first, as if there were no file.
    refused("seed = 'x'", &["--config", "run.toml", "--seed", "y"], &[], 2, &["'y' for '--seed <N>'"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    refused("", &["--config", "none.toml"], &[], 4, &["none.toml cannot be read"]);
    refused("", &["--config", "."], &[], 4, &["settings file . is a folder"]);
    refused("\u{feff}seed = 'x'", &FILE, &[], 2, &["run.toml, line 1: invalid value 'x' for `seed`"]);
    refused("", &["--config"], &[], 2, &["--config <FILE>"]);
    refused("", &["--config="], &[], 2, &["--config <FILE>"]);
    refused("", &[], &[("DIGIT_ADDER_CONFIG", "none.toml")], 4, &["none.toml cannot be read"]);
    refused(&"# long\n".repeat(150_000), &FILE, &[], 2, &["run.toml: has more than 1 MB"]);
    if cfg!(unix) {
        let folder = TempDir::new().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        refused("", &["--config", pipe.to_str().unwrap()], &[], 4, &["is a pipe or a device"]);
    }
}

#[test]
fn a_wrong_variable_is_named() {
    refused(
        "",
        &[],
        &[("DIGIT_ADDER_BATCH_SIZE", "0")],
        2,
        &["'0' of DIGIT_ADDER_BATCH_SIZE: must be at least 1"],
    );
    refused(
        "",
        &[],
        &[("DIGIT_ADDER_TUNE", "maybe")],
        2,
        &["'maybe' of DIGIT_ADDER_TUNE: must be true or false"],
    );
    let (_, told) = started("", &FILE, &[("DIGIT_ADDER_EPOCH", "9"), ("DIGIT_ADDER_XYZZY", "9")]);
    assert!(
        told.contains("DIGIT_ADDER_EPOCH sets no flag of this name; is DIGIT_ADDER_EPOCHS meant?"),
        "{told}"
    );
    assert!(told.contains("DIGIT_ADDER_XYZZY sets no flag of this name\n"), "{told}");
}

#[test]
fn variables_that_programs_share_stand_above_the_file_too() {
    let (config, told) = started("data_dir = 'no such folder'\n", &FILE, &[("MNIST_DIR", "elsewhere")]);
    assert!(config["data"]["origin"].as_str().unwrap().starts_with("drawn"), "{config}");
    assert!(told.contains("note: `data_dir` in run.toml, line 6 is not used, as MNIST_DIR is set"), "{told}");
    let file = BASE.replace("'cpu'", "'no such adapter'");
    let folder = TempDir::new().unwrap();
    let output = train(folder.path(), &file, &FILE, &[("WGPU_ADAPTER_NAME", "cpu")]);
    assert_eq!(output.status.code(), Some(5), "{}", err(&output));
    assert!(err(&output).contains("adapter from WGPU_ADAPTER_NAME"), "{}", err(&output));
}

#[test]
fn a_recipe_stands_below_the_file() {
    let file = "batch_size = 32\n";
    let (config, told) = started(file, &["--config", "run.toml", "--recipe", "published"], &[]);
    assert_eq!((&config["loss"], &config["addends"]), (&"double-softmax".into(), &"fixed".into()));
    assert_eq!(config["batch_size"], 32);
    assert!(told.contains("addends fixed, epochs 50, loss double-softmax, "), "{told}");
    assert!(told.contains(" from the recipe published"), "{told}");
    // It may be named in the file and in the environment, in the same order.
    let file = "batch_size = 32\nrecipe = 'published'\n";
    for (arguments, variables, loss) in [
        (&FILE[..], &[][..], "double-softmax"),
        (&FILE, &[("DIGIT_ADDER_RECIPE", "default")], "logits"),
        (&FILE, &[("DIGIT_ADDER_LOSS", "logits")], "logits"),
        (
            &["--config=run.toml", "--recipe=published"],
            &[("DIGIT_ADDER_RECIPE", "default")],
            "double-softmax",
        ),
        (&["--config=run.toml", "--loss=logits"], &[], "logits"),
    ] {
        let (config, _) = started(file, arguments, variables);
        assert_eq!((&config["loss"], &config["batch_size"]), (&loss.into(), &32.into()), "{variables:?}");
    }
}

#[test]
fn a_recipe_that_does_not_exist_is_refused_with_all_that_do() {
    let names = ["published, default, best"];
    refused("", &["--recipe", "better"], &[], 2, &["'better'", "--recipe", names[0]]);
    refused("", &[], &[("DIGIT_ADDER_RECIPE", "better")], 2, &["'better' of DIGIT_ADDER_RECIPE", names[0]]);
    refused("\nrecipe = 'better'", &FILE, &[], 2, &["run.toml, line 2: invalid value 'better'", names[0]]);
    refused("recipe = 1", &["--config=run.toml", "--recipe=best"], &[], 2, &["line 1", "`recipe`", names[0]]);
    refused("recipe = true", &FILE, &[], 2, &["line 1", "`recipe`", "not true or false"]);
}

#[test]
fn help_tells_of_both() {
    let folder = TempDir::new().unwrap();
    let output = train(folder.path(), "", &["--config", "none", "--help"], &[("DIGIT_ADDER_SEED", "x")]);
    assert!(output.status.success(), "{}", err(&output));
    for words in ["--config <FILE>", "--recipe <NAME>", "- published: ", "DIGIT_ADDER_BATCH_SIZE=128"] {
        assert!(out(&output).contains(words), "{}", out(&output));
    }
    assert!(!out(&output).contains("env: DIGIT_ADDER"), "{}", out(&output));
}
