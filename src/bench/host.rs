//! What the loop costs the thread that runs it.

use std::path::Path;

use crate::bounded;

/// Processor seconds of the calling thread so far, where the system reports them: Linux does.
pub fn cpu_seconds() -> Option<f64> {
    let text = bounded::read_text(Path::new("/proc/thread-self/schedstat"), 1_000).ok()?;
    nanoseconds(&text).map(|nanoseconds| nanoseconds as f64 * 1e-9)
}

/// The first of the numbers: time on a processor, time in its queue, number of turns.
fn nanoseconds(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_time_on_a_processor() {
        assert_eq!(nanoseconds("727208 1620683 2\n"), Some(727_208));
        assert_eq!(nanoseconds("\n"), None);
        assert_eq!(nanoseconds("none"), None);
    }
}
