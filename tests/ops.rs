//! Every kernel, forward and backward, against the f64 reference on the device.

use digit_adder::selftest::{self, Depth};

mod common;

fn main() -> std::process::ExitCode {
    let checks = selftest::all(Depth::Thorough).expect("the checks' own shapes are right");
    let mut trials = Vec::new();
    for check in checks {
        let name = format!("{} {}", check.op, check.shape);
        trials.push(common::gpu::trial(name, move |gpu| {
            for checked in [false, true] {
                let verdict =
                    check.run(gpu, &mut common::gpu::kernels(checked)).map_err(|e| e.to_string())?;
                if let Some(failure) = verdict.failure {
                    return Err(format!("{failure} (bounds checks: {checked})"));
                }
            }
            Ok(())
        }));
    }
    common::gpu::conclude(trials)
}
