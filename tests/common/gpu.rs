//! The device of a test binary, and trials that need it.
//!
//! Without an adapter a trial is shown as ignored; with `REQUIRE_GPU=1` it fails.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use digit_adder::gpu::adapter::is_software;
use digit_adder::gpu::{Gpu, Kernels, adapter};
use libtest_mimic::{Arguments, Trial};

/// Devices that one binary may hold on a software driver.
const DEVICES: usize = 2;

/// This thread's device. All threads share one, except on a software driver, which compiles and computes
/// on one thread of its own for each device: there the threads share two. They are opened one after the
/// other, since many drivers crash when several are opened at once.
pub fn device() -> Result<&'static Arc<Gpu>, String> {
    static OPENING: Mutex<()> = Mutex::new(());
    static OPENED: [OnceLock<Result<Arc<Gpu>, String>>; DEVICES] = [const { OnceLock::new() }; DEVICES];
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed));
    let open = |index: usize| {
        let _alone = OPENING.lock().map_err(|error| error.to_string())?;
        OPENED[index].get_or_init(opened).as_ref().map_err(Clone::clone)
    };
    let first = open(0)?;
    if is_software(&first.info) { open(THREAD.with(|thread| thread % DEVICES)) } else { Ok(first) }
}

fn opened() -> Result<Arc<Gpu>, String> {
    let choice = std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into());
    let adapter = adapter::choose(&choice.as_str().into(), None)
        .map_err(|missing| digit_adder::Error::from(missing).to_string())?;
    Gpu::open(&adapter).map(Arc::new).map_err(|error| error.to_string())
}

/// No kernels yet, with or without the bounds checks.
pub fn kernels(checked: bool) -> Kernels {
    Kernels::new(checked)
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
