//! Whether there is a standard output to print to.
//!
//! Where a program is started without one (`>&-`), Rust opens the null device in its place before `main`, and all
//! that is printed is lost without an error. So it is asked before that.

use crate::{Error, Result};

/// Refuses to begin without a standard output.
///
/// # Errors
///
/// [`Error::Data`] with the cure.
pub fn refuse_closed() -> Result<()> {
    match closed_at_start() {
        false => Ok(()),
        true => Err(Error::Data(
            "cannot write to standard output: it is closed. Send what is not wanted to /dev/null".into(),
        )),
    }
}

#[cfg(unix)]
use unix::closed_at_start;

#[cfg(unix)]
mod unix {
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    ctor::declarative::ctor! {
        #[ctor(unsafe)]
        fn look() {
            CLOSED.store(rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err(), Ordering::Relaxed);
        }
    }

    pub(super) fn closed_at_start() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

/// Elsewhere it cannot be asked without unsafe code.
#[cfg(not(unix))]
fn closed_at_start() -> bool {
    false
}
