//! Planted faults: wrong shaders and wrong host steps, each of which the checks must catch.
//!
//! A check that passes proves something only if it fails on what is wrong.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use digit_adder::gpu::{Gpu, Kernels};
use digit_adder::selftest::{self, Check, Depth};
use digit_adder::wgsl::{Library, SHADERS};
use libtest_mimic::Trial;
use planted::{Fault, Plant, shader};

#[path = "../common/mod.rs"]
mod common;
mod fused;
mod planted;

/// Checks of an op that must be enough to catch every fault in it.
const CHECKS: usize = 10;

fn text(op: &str) -> String {
    SHADERS.iter().find(|shader| shader.name == op).expect("an op has a shader").text.to_string()
}

/// The text with the fault, with every piece replaced exactly once.
fn planted(op: &str, pieces: &[(&str, &str)]) -> Result<String, String> {
    pieces.iter().try_fold(text(op), |text, (right, wrong)| match text.matches(right).count() {
        1 => Ok(text.replace(right, wrong)),
        n => Err(format!("`{right}` stands in {op}.wgsl {n} times, not once")),
    })
}

/// Runs the checks until one fails, and says which and why.
fn caught(gpu: &Gpu, library: &Library, checks: &[Check], fault: &Fault) -> Result<Option<String>, String> {
    let mut kernels = Kernels::new(true);
    for check in checks {
        let mut check = check.clone();
        if let Plant::Host(change) = fault.plant {
            change(&mut check.program);
        }
        if let Some(failure) =
            check.run(gpu, &mut kernels, library).map_err(|error| error.to_string())?.failure
        {
            return Ok(Some(format!("{}: {failure}", check.shape)));
        }
    }
    Ok(None)
}

type Checks = Arc<HashMap<&'static str, Vec<Check>>>;

fn run(gpu: &Gpu, checks: &Checks, fault: &Fault) -> Result<(), String> {
    let checks = checks.get(fault.op).ok_or("no check of this op")?;
    let wrong = match fault.plant {
        Plant::Shader(pieces) => planted(fault.op, pieces)?,
        Plant::Host(_) => text(fault.op),
    };
    let library = Library::Replaced { name: fault.op.into(), text: wrong };
    match caught(gpu, &library, checks, fault)? {
        Some(by) => {
            println!("{}, {}: caught by {by}", fault.op, fault.name);
            Ok(())
        }
        None => Err("no check caught it".into()),
    }
}

/// The same checks must pass without a fault.
fn passes(gpu: &Gpu, checks: &Checks, op: &'static str) -> Result<(), String> {
    let library = Library::Replaced { name: op.into(), text: text(op) };
    match caught(gpu, &library, &checks[op], &shader(op, "nothing", &[]))? {
        Some(by) => Err(by),
        None => Ok(()),
    }
}

fn main() -> std::process::ExitCode {
    let mut by_op: HashMap<&'static str, Vec<Check>> = HashMap::new();
    for check in selftest::all(Depth::Quick, common::gpu::lanes()).expect("the checks' own shapes are right")
    {
        let checks = by_op.entry(check.op).or_default();
        if checks.len() < CHECKS {
            checks.push(check);
        }
    }
    let checks: Checks = Arc::new(by_op);
    let ops: BTreeSet<&'static str> = checks.keys().copied().collect();
    let mut trials: Vec<Trial> = Vec::new();
    for op in ops {
        let checks = checks.clone();
        trials
            .push(common::gpu::trial(format!("{op}: without a fault"), move |gpu| passes(gpu, &checks, op)));
    }
    let there = planted::FAULTS.iter().chain(fused::FAULTS);
    let there = there.filter(|fault| !fault.lanes || common::gpu::lanes() > 1);
    trials.extend(there.map(|fault| -> Trial {
        let checks = checks.clone();
        common::gpu::trial(format!("{}: {}", fault.op, fault.name), move |gpu| run(gpu, &checks, fault))
    }));
    common::gpu::conclude(trials)
}
