//! What a device has failed with, and the panic in which wgpu waits for one that is lost.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The errors of a device that nobody has been told of.
#[derive(Debug, Default)]
pub(super) struct Failure(Mutex<Reports>);

#[derive(Debug, Default)]
struct Reports {
    first: Option<String>,
    lost: Option<String>,
}

impl Failure {
    /// Adds an error. The first is the cause; what follows are its consequences.
    pub(super) fn note(&self, message: String) {
        let mut reports = self.reports();
        if reports.lost.is_none() {
            reports.first.get_or_insert(message);
        }
    }

    /// The device is lost, for good.
    pub(super) fn lose(&self, message: &str) {
        let why = match message {
            "Out of memory" => "use a smaller batch",
            _ => "its driver failed or was reset",
        };
        let message = format!("the device was lost ({message}): {why}");
        self.note(message.clone());
        self.reports().lost.get_or_insert(message);
        if WAIT.get() == Wait::Waiting {
            WAIT.set(Wait::Lost);
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.reports().lost.is_some()
    }

    /// The first error since it was last asked for, or why the device was lost.
    pub(super) fn take(&self) -> Option<String> {
        let mut reports = self.reports();
        reports.first.take().or_else(|| reports.lost.clone())
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    None,
    Waiting,
    Lost,
}

thread_local!(static WAIT: Cell<Wait> = const { Cell::new(Wait::None) });

/// Waits for a device. Where it is lost meanwhile wgpu calls [`Failure::lose`] and panics: it has no error for that.
pub(super) fn caught<T>(wait: impl FnOnce() -> T) -> std::thread::Result<T> {
    WAIT.set(Wait::Waiting);
    let waited = catch_unwind(AssertUnwindSafe(wait));
    WAIT.set(Wait::None);
    waited
}

/// Keeps off stderr what wgpu panics with where a device is lost, as [`Gpu::wait`](super::Gpu::wait) returns it as an
/// error. Every other panic is told as before.
pub(super) fn hush_losses() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if WAIT.get() != Wait::Lost {
            before(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told_once_and_a_loss_for_good() {
        let failure = Failure::default();
        assert_eq!(failure.take(), None);
        failure.note("one".into());
        failure.note("two".into());
        assert_eq!((failure.take().as_deref(), failure.take()), (Some("one"), None));
        failure.note("three".into());
        failure.lose("gone");
        failure.note("a buffer is invalid".into());
        assert!(failure.is_lost());
        assert_eq!(failure.take().as_deref(), Some("three"));
        for _ in 0..2 {
            assert!(failure.take().unwrap().starts_with("the device was lost (gone)"));
        }
    }

    #[test]
    fn a_panic_while_waiting_is_caught() {
        let failure = Failure::default();
        let waited = caught(|| {
            failure.lose("gone");
            assert!(WAIT.get() == Wait::Lost);
            panic!("as wgpu does");
        });
        assert!(waited.is_err_and(|_| failure.is_lost()) && WAIT.get() == Wait::None);
        assert_eq!(caught(|| 7).unwrap(), 7);
    }
}
