//! A device that is lost while the program computes: exit code 3, what is kept, and the way to go on. A Vulkan layer
//! loses it (`layer.c`), so that the program is the one that users have.

#[cfg(target_os = "linux")]
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod layer;
#[cfg(target_os = "linux")]
mod losses;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use common::gpu::trial;
    common::gpu::conclude(vec![
        trial("a training goes on to the same bits", |_| losses::a_training_goes_on_to_the_same_bits()),
        trial("the test after an epoch", |_| losses::the_test_after_an_epoch()),
        trial("a prediction", |_| losses::a_prediction()),
        trial("a test", |_| losses::a_test()),
        trial("a measurement", |_| losses::a_measurement()),
        trial("a self-test", |_| losses::a_self_test()),
        trial("a trial against the CPU engine", |gpu| losses::a_trial_against_the_cpu_engine(gpu)),
    ])
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
