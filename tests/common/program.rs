//! Runs the program as a user does.

use std::path::Path;
use std::process::{Command, Output};

/// A run in an empty folder, without settings from the environment.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
    for variable in ["MNIST_DIR", "WGPU_ADAPTER_NAME", "WGPU_BACKEND", "WGPU_POWER_PREF"] {
        command.env_remove(variable);
    }
    command.current_dir(folder).args(arguments).output().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs, expects an exit code and no result, and returns the message.
pub fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) -> String {
    let output = run(folder, arguments);
    let message = err(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(message.contains("error: ") && !message.contains("panicked"), "{arguments:?}: {message}");
    for word in words {
        assert!(message.contains(word), "{arguments:?}: no `{word}` in {message}");
    }
    assert_eq!(out(&output), "", "{arguments:?}");
    message
}

pub const TRAIN: [&str; 8] =
    ["train", "--adapter", "cpu", "--dataset", "drawn", "--limit", "250", "--epochs"];

/// Trains for two epochs, the last step of each on a part of a batch, into `run`.
pub fn trained(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, &[&TRAIN[..], &["2", "--out", "run"], arguments].concat());
    assert!(output.status.success(), "{}", err(&output));
    output
}
