//! Every kernel, forward and backward, against the f64 reference on the device.

use digit_adder::gpu::Gpu;
use digit_adder::selftest::{self, Check, Depth, Verdict};
use digit_adder::wgsl::Library;

mod common;

fn main() -> std::process::ExitCode {
    let checks =
        selftest::all(Depth::Thorough, common::gpu::lanes()).expect("the checks' own shapes are right");
    let mut trials = Vec::new();
    for check in checks {
        let ways = if check.both_ways { ", both ways" } else { "" };
        let name = format!("{} {}{ways}", check.op, check.shape);
        trials.push(common::gpu::trial(name, move |gpu| {
            let plain = passes(gpu, &check, false)?;
            if check.both_ways {
                same_words(&check, &plain.words, &passes(gpu, &check, true)?.words)?;
            }
            Ok(())
        }));
    }
    common::gpu::conclude(trials)
}

fn passes(gpu: &Gpu, check: &Check, checked: bool) -> Result<Verdict, String> {
    let verdict = check
        .run(gpu, &mut common::gpu::kernels(checked), &Library::Embedded)
        .map_err(|error| error.to_string())?;
    match verdict.failure {
        Some(failure) => Err(format!("{failure} (bounds checks: {checked})")),
        None => Ok(verdict),
    }
}

/// Bounds checks must not change a number. A driver's compiler may treat sums as it likes, since WGSL marks
/// none as exact, and sees more of them without the checks: llvmpipe drops the addition of a first 0, so that
/// a sum of nothing is 0 or -0, and the linear layers' gradients with thin tiles differ in their last bits, whatever
/// the loss. Those, whose checks have another loss than the plain one, are compared with the reference only.
fn same_words(check: &Check, plain: &[Vec<u32>], checked: &[Vec<u32>]) -> Result<(), String> {
    if ["double softmax", "smoothed"].iter().any(|loss| check.shape.contains(loss)) {
        return Ok(());
    }
    for ((info, plain), checked) in check.program.tensors.iter().zip(plain).zip(checked) {
        if plain.len() != checked.len() {
            return Err(format!("`{}` has another length with bounds checks", info.name));
        }
        if let Some(at) = plain.iter().zip(checked).position(|(plain, checked)| !same(*plain, *checked)) {
            let [plain, checked] = [plain[at], checked[at]].map(f32::from_bits);
            return Err(format!("`{}`: word {at} is {plain:e}, with bounds checks {checked:e}", info.name));
        }
    }
    Ok(())
}

/// Whether two words are the same bits, or 0 and -0.
fn same(plain: u32, checked: u32) -> bool {
    const SIGN: u32 = 1 << 31;
    plain == checked || (plain | checked) == SIGN
}
