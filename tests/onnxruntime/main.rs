//! `export --onnx` against ONNX's own checker and ONNX Runtime, where Python has both.
//!
//! `PYTHON` names the interpreter, `python3` where it is not set. Without the packages the tests are shown as ignored;
//! with `REQUIRE_ONNX=1` they fail.

#[path = "../common/mod.rs"]
mod common;

use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

use common::networks::{a_third_convolution, a_third_head, odd};
use common::runtimes::{
    Given, compared, compared_on_the_test_set, python, reference, shipped, test_set, written,
};
use digit_adder::network::Network;
use digit_adder::onnx::{Outputs, to_bytes};
use digit_adder::ops::softmax::Softmax;
use digit_adder::reference::softmax;
use digit_adder::train::model_file::Model;
use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;

fn main() -> ExitCode {
    let required = std::env::var("REQUIRE_ONNX").is_ok_and(|value| value == "1");
    match runtime() {
        Ok(versions) => println!("{versions}"),
        Err(reason) => eprintln!("the tests that need onnx and onnxruntime are ignored: {reason}"),
    }
    let trial = |name: &str, run: fn() -> Result<(), String>| {
        let checked = move || {
            runtime()?;
            Ok(run()?)
        };
        Trial::test(name, checked).with_ignored_flag(!required && runtime().is_err())
    };
    let trials = vec![
        trial("the test set with each addend", the_test_set),
        trial("probabilities", probabilities),
        trial("a third convolution", || agrees(&a_third_convolution().map_err(|e| e.to_string())?)),
        trial("a third head", || agrees(&a_third_head().map_err(|e| e.to_string())?)),
        trial("an odd network", || agrees(&odd().map_err(|e| e.to_string())?)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The versions of what Python has, or why it has not.
fn runtime() -> Result<&'static str, String> {
    static VERSIONS: OnceLock<Result<String, String>> = OnceLock::new();
    let last_line = |error: String| error.lines().last().unwrap_or_default().to_string();
    VERSIONS.get_or_init(|| script(&[]).map_err(last_line)).as_deref().map_err(Clone::clone)
}

fn script(arguments: &[&Path]) -> Result<String, String> {
    python("onnxruntime/run.py", arguments)
}

/// The outputs of a file in ONNX Runtime, in the order of the heads.
fn outputs(file: &[u8], network: &Network, given: &Given) -> Vec<Vec<f32>> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("model.onnx"), file).unwrap();
    given.write(folder.path());
    script(&[folder.path()]).unwrap_or_else(|error| panic!("{error}"));
    written(folder.path(), network)
}

/// Fresh weights, images of noise.
fn agrees(network: &Network) -> Result<(), String> {
    let (model, given) =
        (Model { parameters: network.initial_parameters(4), about: None }, Given::random(network));
    let file = to_bytes(network, &model, Outputs::Logits).map_err(|e| e.to_string())?;
    compared(network, &outputs(&file, network, &given), &reference(network, &model.parameters, &given))
}

fn probabilities() -> Result<(), String> {
    let (network, model) = shipped();
    let given = Given::random(&network);
    let file = to_bytes(&network, &model, Outputs::Probabilities).map_err(|e| e.to_string())?;
    let mut want = reference(&network, &model.parameters, &given);
    for (values, head) in want.iter_mut().zip(network.heads()) {
        let logits = values.clone();
        softmax::forward(
            &Softmax { batch: logits.len() / head.classes, classes: head.classes },
            &logits,
            values,
        );
    }
    compared(&network, &outputs(&file, &network, &given), &want)
}

fn the_test_set() -> Result<(), String> {
    let (network, model) = shipped();
    let (test, name) = test_set()?;
    let file = to_bytes(&network, &model, Outputs::Logits).map_err(|e| e.to_string())?;
    let got = outputs(&file, &network, &Given::every_addend(&test));
    compared_on_the_test_set(&network, &model, (&test, name), &got)
}
