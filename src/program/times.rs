//! How long the dispatches of a program take.

use serde::Serialize;

use super::Program;

/// How the times of dispatches were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Timestamps of the device at both ends of a compute pass that holds one dispatch.
    Timestamps,
    /// The wall clock of submissions that hold one dispatch many times over.
    WallClock,
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Timestamps => "GPU timestamps, one compute pass per dispatch",
            Self::WallClock => "wall clock, one dispatch repeated",
        })
    }
}

/// How long the dispatches of a program take.
#[derive(Clone, Debug)]
pub struct Times {
    /// How they were taken.
    pub method: Method,
    /// Seconds of each dispatch, in the program's order.
    pub dispatches: Vec<f64>,
    /// Seconds of all dispatches in one pass, by the wall clock.
    pub step: f64,
}

/// A training step's program, and how long its dispatches take.
#[derive(Clone, Debug)]
pub struct StepTimes {
    /// The program.
    pub program: Program,
    /// The times.
    pub times: Times,
}

/// The median of `values`; 0 if there are none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len();
    match count {
        0 => 0.0,
        _ => (values[(count - 1) / 2] + values[count / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![3.0]), 3.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), 3.0);
    }
}
