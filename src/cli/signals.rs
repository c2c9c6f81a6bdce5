//! Ctrl-C and its kin: the first asks the training to stop, the second ends the program at once.

#[cfg(target_os = "linux")]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

#[cfg(target_os = "linux")]
use crate::bounded;
use crate::{Error, Result};

#[cfg(unix)]
const CAUGHT: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGHUP];
#[cfg(windows)]
const CAUGHT: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGBREAK];
#[cfg(not(any(unix, windows)))]
const CAUGHT: [i32; 2] = [SIGINT, SIGTERM];

/// The signals that have come in.
#[derive(Clone, Debug)]
pub(super) struct Signals {
    first: Arc<AtomicUsize>,
    leave: Arc<AtomicBool>,
}

impl Signals {
    /// Catches them from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the system does not let signals be caught.
    pub(super) fn catch() -> Result<Self> {
        let signals = Self { first: Arc::default(), leave: Arc::default() };
        let refused = |error| Error::Device(format!("signals cannot be caught: {error}"));
        for signal in CAUGHT.into_iter().filter(|&signal| !is_ignored(signal)) {
            // In this order: the first signal finds `leave` still unset.
            flag::register_conditional_shutdown(signal, 128 + signal, signals.leave.clone())
                .map_err(refused)?;
            flag::register_usize(signal, signals.first.clone(), signal as usize).map_err(refused)?;
            flag::register(signal, signals.leave.clone()).map_err(refused)?;
        }
        Ok(signals)
    }

    /// The signal that asks to stop, if one came.
    pub(super) fn stop(&self) -> Option<u8> {
        match self.first.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal as u8),
        }
    }

    /// From now on the first signal ends the program at once: there is nothing left to lose.
    pub(super) fn leave_at_once(&self) {
        self.leave.store(true, Ordering::SeqCst);
    }
}

/// What a signal is called.
pub(super) fn name(signal: u8) -> &'static str {
    match i32::from(signal) {
        SIGINT => "Ctrl-C (SIGINT)",
        SIGTERM => "SIGTERM",
        #[cfg(unix)]
        signal_hook::consts::SIGHUP => "SIGHUP",
        #[cfg(windows)]
        signal_hook::consts::SIGBREAK => "Ctrl-Break",
        _ => "a signal",
    }
}

/// Whether the program was started with a signal ignored, as `nohup` does: then it stays so.
#[cfg(target_os = "linux")]
fn is_ignored(signal: i32) -> bool {
    let status = bounded::read_text(Path::new("/proc/self/status"), 1_000_000).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Elsewhere it cannot be asked without unsafe code.
#[cfg(not(target_os = "linux"))]
fn is_ignored(_: i32) -> bool {
    false
}
