//! What an input may cost.

use std::fs::read_to_string;
use std::time::Duration;

/// Time on a processor for one input.
pub const LONGEST: Duration = Duration::from_secs(5);
/// Memory of the whole process, in kB. A picture may unpack to 384 MB.
pub const MOST_KB: u64 = 1_000_000;

/// The time that this thread has had on a processor, however long it had to wait for one; `None` where the system
/// does not tell.
pub fn processor_time() -> Option<Duration> {
    let told = read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(told.split(' ').next()?.parse().ok()?))
}

/// The most memory that the process has had at once, in kB; `None` where the system does not tell.
pub fn peak_kb() -> Option<u64> {
    let told = read_to_string("/proc/self/status").ok()?;
    told.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}
