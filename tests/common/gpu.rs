//! The one device of a test binary, and trials that need it.
//!
//! Without an adapter a trial is shown as ignored; with `REQUIRE_GPU=1` it fails.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use digit_adder::gpu::shader::Library;
use digit_adder::gpu::{Gpu, Kernels, adapter};
use libtest_mimic::{Arguments, Trial};

/// The device, opened once: many drivers crash when several are opened at a time.
pub fn device() -> Result<&'static Arc<Gpu>, String> {
    static DEVICE: OnceLock<Result<Arc<Gpu>, String>> = OnceLock::new();
    DEVICE
        .get_or_init(|| {
            let choice = std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into());
            let adapter = adapter::choose(&choice.as_str().into(), None)
                .map_err(|missing| digit_adder::Error::from(missing).to_string())?;
            Gpu::open(&adapter).map(Arc::new).map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(Clone::clone)
}

/// Fresh kernels of the shipped shaders.
pub fn kernels(checked: bool) -> Kernels {
    Kernels::new(Library::Embedded, checked)
}

/// A trial on the device.
pub fn trial(
    name: impl Into<String>,
    run: impl FnOnce(&'static Arc<Gpu>) -> Result<(), String> + Send + 'static,
) -> Trial {
    let required = std::env::var("REQUIRE_GPU").is_ok_and(|value| value == "1");
    let ignored = !required && device().is_err();
    Trial::test(name, move || Ok(run(device()?)?)).with_ignored_flag(ignored)
}

/// Runs the trials.
pub fn conclude(trials: Vec<Trial>) -> ExitCode {
    if let Err(reason) = device() {
        eprintln!("the tests that need a GPU are ignored: {reason}");
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Lanes of the device, 1 where there is none.
#[allow(dead_code)] // not every binary asks
pub fn lanes() -> usize {
    device().map_or(1, |gpu| gpu.lanes)
}
