//! Schedules as JSON.

use digit_adder::program::Schedule;

/// A schedule is the same when it is written and read again, and nothing that is read counts as shipped. Returns whether
/// it was read.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(schedule) = serde_json::from_slice::<Schedule>(bytes) else { return false };
    assert!(schedule.kernels.iter().all(|kernel| !kernel.text.is_shipped()));
    let written = serde_json::to_string(&schedule).unwrap();
    let again: Schedule = serde_json::from_str(&written).unwrap();
    assert_eq!(again, schedule);
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
    true
}
