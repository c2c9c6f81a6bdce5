//! Where the time of one training step goes, dispatch by dispatch, beside the machine's ceilings.

use serde::Serialize;

use super::ceiling::Ceilings;
use crate::program::times::{Method, StepTimes};

/// One training step.
#[derive(Clone, Debug, Serialize)]
pub struct StepProfile {
    /// Images of the step.
    pub batch_size: usize,
    /// How the dispatches were timed.
    pub timed_by: Method,
    /// Seconds of the whole step by the wall clock, with many steps in one submission.
    pub seconds: f64,
    /// Seconds of all dispatches, one by one.
    pub seconds_of_dispatches: f64,
    /// The dispatches in order.
    pub dispatches: Vec<DispatchProfile>,
}

/// One dispatch of a step.
#[derive(Clone, Debug, Serialize)]
pub struct DispatchProfile {
    /// The layer that it works for.
    pub layer: String,
    /// Shader and entry.
    pub kernel: String,
    /// Seconds.
    pub seconds: f64,
    /// Share of the time of all dispatches, 0 to 1.
    pub share: f64,
    /// Its arithmetic.
    pub flops: Rate,
    /// Its traffic, at least: each word that it binds, counted once.
    pub bytes: Rate,
}

/// How much of something was done, how fast, and how near to the ceiling.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rate {
    /// How much.
    pub count: u64,
    /// How much in a second.
    pub per_second: f64,
    /// The same as a share of what the machine can do. Traffic that stays in a cache may exceed 1.
    pub share_of_ceiling: f64,
}

impl Rate {
    fn new(count: u64, seconds: f64, ceiling: f64) -> Self {
        // A clock that is too coarse for a dispatch gives no rate, and JSON has no infinity.
        let per_second = if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Self { count, per_second, share_of_ceiling: per_second / ceiling }
    }
}

impl StepProfile {
    /// The times of a step's dispatches beside the ceilings.
    pub fn new(StepTimes { program, times }: &StepTimes, ceilings: &Ceilings) -> Self {
        let all: f64 = times.dispatches.iter().sum();
        let dispatches = program.dispatches.iter().zip(&times.dispatches).map(|(dispatch, &seconds)| {
            let bytes = program.bytes(dispatch);
            DispatchProfile {
                layer: dispatch.layer.clone(),
                kernel: dispatch.kernel(),
                seconds,
                share: if all > 0.0 { seconds / all } else { 0.0 },
                flops: Rate::new(dispatch.flops, seconds, ceilings.flops_per_second),
                bytes: Rate::new(bytes, seconds, ceilings.bytes_per_second),
            }
        });
        Self {
            batch_size: program.batch,
            timed_by: times.method,
            seconds: times.step,
            seconds_of_dispatches: all,
            dispatches: dispatches.collect(),
        }
    }
}
