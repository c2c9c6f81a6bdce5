//! What the host did when, recorded only where a run is profiled.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Whose time a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// The thread that records, submits and waits.
    Host,
    /// The device, as far as the host can tell: one submission after the other.
    Submissions,
}

/// A stretch of time with a name.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Whose time it is.
    pub track: Track,
    /// What was done.
    pub name: &'static str,
    /// When it began, since recording began.
    pub start: Duration,
    /// How long it took.
    pub length: Duration,
}

/// All spans of a device, or none where they are not recorded.
pub struct Spans {
    begin: Instant,
    kept: Option<Mutex<Vec<Span>>>,
}

impl Spans {
    /// Records spans if `keep`; otherwise each call below costs a comparison.
    pub fn new(keep: bool) -> Self {
        Self { begin: Instant::now(), kept: keep.then(Mutex::default) }
    }

    /// Does `work`, and adds it as a span of the host.
    pub fn time<T>(&self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.add(Track::Host, name, start);
        done
    }

    /// Adds a span from `start` until now.
    pub fn add(&self, track: Track, name: &'static str, start: Instant) {
        if let Some(mut kept) = self.lock() {
            let (length, start) = (start.elapsed(), start.saturating_duration_since(self.begin));
            kept.push(Span { track, name, start, length });
        }
    }

    /// All spans since the last time they were taken, in the order in which they ended.
    pub fn take(&self) -> Vec<Span> {
        self.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    fn lock(&self) -> Option<MutexGuard<'_, Vec<Span>>> {
        self.kept.as_ref().map(|kept| kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Seconds that all spans of a name took together.
pub fn seconds(spans: &[Span], name: &str) -> f64 {
    spans.iter().filter(|span| span.name == name).map(|span| span.length.as_secs_f64()).sum()
}
